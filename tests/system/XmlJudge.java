import java.io.File;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.io.ByteArrayInputStream;
import java.util.Base64;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Java's own XML signatures judge ours: one line "value=… references=…/…" for each file. */
class XmlJudge {
  static final String DS = "http://www.w3.org/2000/09/xmldsig#";

  public static void main(String[] files) throws Exception {
    for (String file : files) {
      DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
      builders.setNamespaceAware(true);
      Document document = builders.newDocumentBuilder().parse(new File(file));
      markIdentifiers(document.getDocumentElement());
      Element node = (Element) document.getElementsByTagNameNS(DS, "Signature").item(0);
      DOMValidateContext context = new DOMValidateContext(keyOf(node), node);
      context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
      XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
      int good = 0;
      for (Object reference : signature.getSignedInfo().getReferences()) {
        if (((Reference) reference).validate(context)) good++;
      }
      System.out.println(
          "value=" + signature.getSignatureValue().validate(context)
              + " references=" + good + "/" + signature.getSignedInfo().getReferences().size()
              + " all=" + signature.validate(context));
    }
  }

  static PublicKey keyOf(Element signature) throws Exception {
    String text = signature.getElementsByTagNameNS(DS, "X509Certificate").item(0).getTextContent();
    byte[] der = Base64.getMimeDecoder().decode(text);
    CertificateFactory certificates = CertificateFactory.getInstance("X.509");
    return ((X509Certificate) certificates.generateCertificate(new ByteArrayInputStream(der))).getPublicKey();
  }

  static void markIdentifiers(Element element) {
    if (element.hasAttribute("Id")) element.setIdAttribute("Id", true);
    NodeList children = element.getChildNodes();
    for (int i = 0; i < children.getLength(); i++) {
      if (children.item(i) instanceof Element child) markIdentifiers(child);
    }
  }
}
