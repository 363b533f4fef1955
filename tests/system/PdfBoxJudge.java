// A judge of signed PDFs made of PDFBox and BouncyCastle: java -cp … PdfBoxJudge.java root.pem file.pdf
// One line for each signature: field filter, whether the value holds, whether the path leads to the root.

import java.io.File;
import java.io.FileInputStream;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.bouncycastle.asn1.ASN1InputStream;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.tsp.TimeStampToken;

public class PdfBoxJudge {
  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    X509Certificate root;
    try (FileInputStream in = new FileInputStream(arguments[0])) {
      root = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
    File file = new File(arguments[1]);
    byte[] all = Files.readAllBytes(file.toPath());
    try (PDDocument document = PDDocument.load(file)) {
      for (PDSignature signature : document.getSignatureDictionaries()) {
        byte[] padded = signature.getContents(all);
        byte[] der;
        try (ASN1InputStream in = new ASN1InputStream(padded)) {
          der = in.readObject().getEncoded();
        }
        byte[] covered = signature.getSignedContent(all);
        boolean stamp = "ETSI.RFC3161".equals(signature.getSubFilter());
        boolean holds = stamp ? stampHolds(der, covered) : valueHolds(der, covered);
        System.out.println(
            signature.getSubFilter() + " value=" + holds + " path=" + leads(der, root));
      }
    }
  }

  private static boolean valueHolds(byte[] der, byte[] covered) throws Exception {
    CMSSignedData cms = new CMSSignedData(new CMSProcessableByteArray(covered), der);
    SignerInformation signer = cms.getSignerInfos().getSigners().iterator().next();
    X509CertificateHolder holder = holderOf(cms, signer);
    return signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder));
  }

  private static boolean stampHolds(byte[] der, byte[] covered) throws Exception {
    CMSSignedData cms = new CMSSignedData(der);
    TimeStampToken token = new TimeStampToken(cms);
    SignerInformation signer = cms.getSignerInfos().getSigners().iterator().next();
    token.validate(
        new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holderOf(cms, signer)));
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(covered);
    return Arrays.equals(digest, token.getTimeStampInfo().getMessageImprintDigest());
  }

  private static X509CertificateHolder holderOf(CMSSignedData cms, SignerInformation signer) {
    return (X509CertificateHolder)
        cms.getCertificates().getMatches(signer.getSID()).iterator().next();
  }

  private static boolean leads(byte[] der, X509Certificate root) throws Exception {
    CMSSignedData cms = new CMSSignedData(der);
    SignerInformation signer = cms.getSignerInfos().getSigners().iterator().next();
    JcaX509CertificateConverter converter = new JcaX509CertificateConverter();
    List<X509Certificate> certificates = new ArrayList<>();
    for (Object holder : cms.getCertificates().getMatches(null)) {
      certificates.add(converter.getCertificate((X509CertificateHolder) holder));
    }
    X509CertSelector target = new X509CertSelector();
    target.setCertificate(converter.getCertificate(holderOf(cms, signer)));
    PKIXBuilderParameters settings =
        new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
    settings.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(certificates)));
    settings.setRevocationEnabled(false);
    settings.setDate(new Date());
    try {
      CertPathBuilder.getInstance("PKIX").build(settings);
      return true;
    } catch (java.security.cert.CertPathBuilderException failed) {
      return false;
    }
  }
}
