"use strict";
// Checks results as docs/credentials.md describes. Nothing is sent anywhere: the page may not connect to anything.
const pinned = JSON.parse(document.getElementById("pinned").textContent);
const PREFIX = "EKYC1:", MAX_TEXT = 4296, MAX_UNPACKED = 8192, MAX_LIST = 4 << 20, SKEW_S = 300, DAY_S = 86400;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const urlBytes = (text) => {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Refusal("credential.jose");
  return bytesOf(text.replace(/-/g, "+").replace(/_/g, "/"));
};
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

class Refusal extends Error {
  constructor(code) { super(code); this.code = code; }
}
const need = (holds, code) => { if (!holds) throw new Refusal(code); };

// --- Base45 (RFC 9285) ---

function base45(text) {
  need(text.length % 3 !== 1, "credential.base45");
  const values = Array.from(text, (c) => ALPHABET.indexOf(c));
  need(values.length === text.length && !values.includes(-1), "credential.base45");
  const out = [];
  for (let at = 0; at < values.length; at += 3) {
    const two = at + 2 === values.length;
    const number = values[at] + 45 * values[at + 1] + (two ? 0 : 2025 * values[at + 2]);
    need(number <= (two ? 0xff : 0xffff), "credential.base45");
    if (!two) out.push(number >> 8);
    out.push(number & 0xff);
  }
  return Uint8Array.from(out);
}

// --- ZLIB (RFC 1950), bounded ---

async function drained(stream, most) {
  const reader = stream.getReader(), parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) { reader.cancel().catch(() => {}); throw new Refusal("credential.too_large"); }
    parts.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

async function inflate(format, parts, most) {
  try {
    return await drained(new Blob(parts).stream().pipeThrough(new DecompressionStream(format)), most);
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("credential.packing");
  }
}

// Browsers know no preset dictionary. A stored block before the stream fills the window alike (RFC 1951 §3.2.4).
async function unpack(packed) {
  const dictionary = bytesOf(pinned.dictionary);
  const length = dictionary.length;
  const stored = Uint8Array.of(0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255);
  const whole = await inflate("deflate-raw", [stored, dictionary, packed], length + MAX_UNPACKED);
  return whole.slice(length);
}

// --- CBOR (RFC 8949 §4.2.1), deterministic only ---

class Tagged { constructor(tag, value) { this.tag = tag; this.value = value; } }

function cbor(data) {
  let at = 0, items = 0;
  const fail = () => { throw new Refusal("credential.cbor"); };
  const take = (count) => {
    if (count > data.length - at) fail();
    at += count;
    return data.subarray(at - count, at);
  };
  const head = () => {
    const first = take(1)[0], major = first >> 5, short = first & 31;
    if (short < 24) return [major, short];
    if (short > 27 || major === 7) fail();
    const width = 1 << (short - 24);
    let argument = 0n;
    for (const byte of take(width)) argument = (argument << 8n) | BigInt(byte);
    const least = width === 1 ? 24n : 1n << BigInt(4 * width);
    if (argument < least || argument > BigInt(Number.MAX_SAFE_INTEGER)) fail();
    return [major, Number(argument)];
  };
  const before = (a, b) => {
    for (let n = 0; n < Math.min(a.length, b.length); n++) if (a[n] !== b[n]) return a[n] < b[n];
    return a.length < b.length;
  };
  const value = (depth) => {
    if (depth > 8 || ++items > 4096) fail();
    const [major, argument] = head();
    if (major === 0) return argument;
    if (major === 1) return -1 - argument;
    if (major === 2) return take(argument).slice();
    if (major === 3) {
      try { return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(take(argument)); } catch { fail(); }
    }
    if (major === 4) {
      if (argument > data.length - at) fail();
      return Array.from({ length: argument }, () => value(depth + 1));
    }
    if (major === 5) {
      const map = new Map();
      let last = new Uint8Array(0);
      for (let n = 0; n < argument; n++) {
        const start = at, key = value(depth + 1), encoded = data.subarray(start, at);
        if (!["number", "string"].includes(typeof key) || !before(last, encoded)) fail();
        last = encoded;
        map.set(key, value(depth + 1));
      }
      return map;
    }
    if (major === 6) return new Tagged(argument, value(depth + 1));
    return argument === 20 ? false : argument === 21 ? true : argument === 22 ? null : fail();
  };
  const found = value(0);
  if (at !== data.length) fail();
  return found;
}

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

function byteString(bytes) {
  const length = bytes.length;
  const head = length < 24 ? [0x40 | length] : length < 256 ? [0x58, length]
    : length < 65536 ? [0x59, length >> 8, length & 255]
      : [0x5a, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return concat(Uint8Array.from(head), bytes);
}

const isMap = (value, keys, optional = []) =>
  value instanceof Map && keys.every((key) => value.has(key)) &&
  [...value.keys()].every((key) => keys.includes(key) || optional.includes(key));
const whole = (value) => typeof value === "number" && Number.isSafeInteger(value);

// --- COSE_Sign1 (RFC 9052) and keys ---

function readSign1(data, typ) {
  const message = cbor(data), parts = message instanceof Tagged && message.tag === 18 ? message.value : null;
  need(Array.isArray(parts) && parts.length === 4, "credential.cbor");
  const [guarded, open, payload, signature] = parts;
  need([guarded, payload, signature].every((part) => part instanceof Uint8Array), "credential.cbor");
  need(isMap(open, []) && signature.length === 64, "credential.cbor");
  const header = cbor(guarded);
  need(isMap(header, typ ? [1, 4, 16] : [1, 4]) && header.get(16) === typ, "credential.cbor");
  const kid = header.get(4);
  need(whole(header.get(1)) && kid instanceof Uint8Array && kid.length === 8, "credential.cbor");
  const context = new TextEncoder().encode("Signature1");
  const signed = concat(Uint8Array.of(0x84, 0x6a), context, byteString(guarded), Uint8Array.of(0x40), byteString(payload));
  return { algorithm: header.get(1), kid: hex(kid), payload, signature, signed };
}

const ALGORITHMS = {
  EC: { cose: -7, jose: "ES256", key: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
  OKP: { cose: -8, jose: "Ed25519", key: { name: "Ed25519" }, sign: { name: "Ed25519" } },
};

async function holds(jwk, signature, signed) {
  const { key, sign } = ALGORITHMS[jwk.kty];
  const imported = await crypto.subtle.importKey("jwk", { ...jwk }, key, true, ["verify"]);
  return crypto.subtle.verify(sign, imported, signature, signed);
}

async function kidOf(jwk) {
  const imported = await crypto.subtle.importKey("jwk", { ...jwk }, ALGORITHMS[jwk.kty].key, true, ["verify"]);
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await crypto.subtle.exportKey("spki", imported))).slice(0, 8));
}

// --- the pinned trust list ---

async function openTrust() {
  const [head, body, signature] = pinned.trust_list.split(".");
  const header = JSON.parse(new TextDecoder().decode(urlBytes(head)));
  const operator = pinned.operator_key;
  need(operator !== null, "credential.trust_list_unpinned");
  const sound = header.alg === ALGORITHMS[operator.kty].jose && header.typ === "ekyc-trust-list+jwt";
  const signed = new TextEncoder().encode(head + "." + body);
  need(sound && await holds(operator, urlBytes(signature), signed), "credential.trust_list_untrusted");
  const trust = JSON.parse(new TextDecoder().decode(urlBytes(body)));
  trust.byKid = new Map();
  for (const issuer of trust.issuers) for (const key of issuer.keys) trust.byKid.set(await kidOf(key.jwk), { issuer, key });
  return trust;
}

async function signer(trust, message, issuerId, use) {
  need(trust.issuers.some((issuer) => issuer.id === issuerId), "credential.issuer_unknown");
  const found = trust.byKid.get(message.kid);
  need(found, "credential.key_unknown");
  need(found.issuer.id === issuerId, "credential.key_of_another");
  need(found.key.uses.includes(use), "credential.key_use");
  need(found.key.compromised === undefined, "credential.key_compromised");
  need(message.algorithm === ALGORITHMS[found.key.jwk.kty].cose, "credential.algorithm");
  need(await holds(found.key.jwk, message.signature, message.signed), "credential.signature_wrong");
  return found;
}

// --- results ---

async function readResult(text) {
  need(text.length <= MAX_TEXT, "credential.too_large");
  need(text.startsWith(PREFIX), "credential.prefix");
  const message = readSign1(await unpack(base45(text.slice(PREFIX.length))));
  const claims = cbor(message.payload);
  need(isMap(claims, [1, 2, 4, 6, 7, 65535, -65537]), "credential.cbor");
  const status = claims.get(65535), reference = status instanceof Map ? status.get("status_list") : null;
  need(isMap(status, ["status_list"]) && isMap(reference, ["idx", "uri"]), "credential.cbor");
  const stated = claims.get(-65537);
  need(Array.isArray(stated) && stated.length === 3 && stated[2] instanceof Map, "credential.claims");
  const result = {
    issuer: claims.get(1), subject: claims.get(2), expires: claims.get(4), issued: claims.get(6), id: claims.get(7),
    index: reference.get("idx"), uri: reference.get("uri"), fields: stated[2],
    schema: pinned.schemas.find((one) => one.number === stated[0] && one.version === stated[1]),
  };
  need(typeof result.issuer === "string" && typeof result.subject === "string", "credential.cbor");
  need(typeof result.uri === "string" && whole(result.index) && result.index >= 0, "credential.cbor");
  need(whole(result.issued) && whole(result.expires) && result.issued < result.expires, "credential.claims");
  need(result.id instanceof Uint8Array && result.id.length === 16, "credential.claims");
  need(result.schema, "credential.schema");
  const known = result.schema.fields.map((field) => field.key);
  need([...result.fields.keys()].every((key) => known.includes(key)), "credential.field");
  need(result.schema.fields.every((field) => field.optional || result.fields.has(field.key)), "credential.field");
  return { message, result };
}

function shown(field, value, language) {
  if (field.kind === "date") {
    need(whole(value) && value > 0 && value < 1e8, "credential.field");
    const text = String(value).padStart(8, "0");
    return [text.slice(6), text.slice(4, 6), text.slice(0, 4)].filter((part) => Number(part)).join("/");
  }
  if (field.kind === "digest") {
    need(value instanceof Uint8Array && value.length === 32, "credential.field");
    return hex(value);
  }
  if (field.kind === "sex") {
    need(whole(value) && value >= 0 && value < 3, "credential.field");
    return words.sexes[language][value];
  }
  if (field.kind === "choice") {
    const choice = field.choices.find((one) => one.value === value);
    need(choice, "credential.field");
    return choice[language];
  }
  need(field.kind === "count" ? whole(value) : typeof value === "string" && value.length <= (field.most || 3), "credential.field");
  return String(value);
}

// --- status lists (CWT form) ---

async function readList(data, trust, result, now) {
  need(data.length <= MAX_LIST, "credential.too_large");
  const message = readSign1(data, "application/statuslist+cwt");
  const claims = cbor(message.payload);
  need(isMap(claims, [2, 6, 65533], [1, 4, 65534]), "credential.cbor");
  const listed = claims.get(65533), issued = claims.get(6), expires = claims.get(4), ttl = claims.get(65534);
  need(isMap(listed, ["bits", "lst"], ["aggregation_uri"]) && listed.get("lst") instanceof Uint8Array, "credential.cbor");
  need(whole(issued) && [expires, ttl].every((one) => one === undefined || whole(one)), "credential.claims");
  need(claims.get(2) === result.uri, "credential.status_other_list");
  need(!claims.has(1) || claims.get(1) === result.issuer, "credential.status_untrusted");
  try {
    const { key } = await signer(trust, message, result.issuer, "status");
    need(key.from <= issued && issued < key.until, "credential.status_untrusted");
  } catch { throw new Refusal("credential.status_untrusted"); }
  need(issued - SKEW_S <= now, "credential.status_from_future");
  const bits = listed.get("bits");
  need([1, 2, 4, 8].includes(bits), "credential.claims");
  const array = await inflate("deflate", [listed.get("lst")], MAX_LIST);
  const each = 8 / bits, place = Math.floor(result.index / each);
  need(place < array.length, "credential.status_index");
  const status = (array[place] >> ((result.index % each) * bits)) & ((1 << bits) - 1);
  const fresh = Math.min(issued + (ttl === undefined ? DAY_S : ttl), expires === undefined ? Infinity : expires);
  return { status, issued, fresh };
}

async function judgeStatus(trust, result, lists, now) {
  let newest = null;
  const refusals = [];
  for (const data of lists) {
    try {
      const found = await readList(data, trust, result, now);
      if (newest === null || found.issued > newest.issued) newest = found;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error.code);
    }
  }
  if (newest === null) return ["INDETERMINATE", refusals.length ? refusals : ["credential.status_not_asked"]];
  if (newest.status === 1) return ["FAILED", ["credential.revoked"]];
  if (newest.status === 3) return ["FAILED", ["credential.superseded"]];
  if (newest.status > 3) return ["INDETERMINATE", ["credential.status_unknown"]];
  if (now >= newest.fresh) return ["INDETERMINATE", ["credential.status_stale"]];
  return newest.status === 2 ? ["FAILED", ["credential.suspended"]] : ["PASSED", []];
}

// --- the verdict ---

const OPEN = ["credential.issuer_unknown", "credential.key_unknown", "credential.trust_list_unpinned"];
const worse = { PASSED: 0, INDETERMINATE: 1, FAILED: 2 };

async function judge(text, lists, now) {
  const verdict = { outcome: "PASSED", reasons: [], result: null, issuer: null };
  const add = (outcome, ...reasons) => {
    if (worse[outcome] > worse[verdict.outcome]) verdict.outcome = outcome;
    verdict.reasons.push(...reasons);
  };
  try {
    const { message, result } = await readResult(text);
    const trust = await openTrust();
    if (now < trust.iat - SKEW_S || now >= trust.exp) add("INDETERMINATE", "credential.trust_list_expired");
    const { issuer, key } = await signer(trust, message, result.issuer, "result");
    const rows = result.schema.fields.filter((field) => result.fields.has(field.key));
    verdict.rows = rows.map((field) => ["vi", "en"].map((language) => [field[language], shown(field, result.fields.get(field.key), language)]));
    if (!(key.from <= result.issued && result.issued < key.until)) add("FAILED", "credential.key_out_of_time");
    if (now < result.issued - SKEW_S) add("FAILED", "credential.not_yet_valid");
    if (now >= result.expires) add("FAILED", "credential.expired");
    const [outcome, reasons] = await judgeStatus(trust, result, lists, now);
    add(outcome, ...reasons);
    Object.assign(verdict, { result, issuer });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    add(OPEN.includes(error.code) ? "INDETERMINATE" : "FAILED", error.code);
  }
  return verdict;
}

// --- the page ---

const words = {
  sexes: { vi: ["Chưa xác định", "Nam", "Nữ"], en: ["unknown", "male", "female"] },
  vi: {
    title: "Kiểm tra kết quả thủ tục", other: "English", camera: "Quét bằng camera", picture: "Ảnh có mã QR",
    list: "Danh sách tình trạng", paste: "Hoặc dán nội dung mã QR", check: "Kiểm tra",
    PASSED: "Kết quả thật và đang có hiệu lực.", FAILED: "Không chấp nhận kết quả này.", INDETERMINATE: "Chưa kết luận được.",
    copied: "Mã có thể bị sao chép: hãy đối chiếu các trường với giấy tờ của người xuất trình.",
    issuer: "Nơi cấp", issued: "Ngày cấp", expires: "Hạn",
    trust: (trust, days) => `Danh sách tin cậy số ${trust.number}, đã ${days} ngày (${trust.iss}).`,
    lists: (count) => `Danh sách tình trạng đang có: ${count}. Trang không gửi dữ liệu đi đâu.`,
    broken: "Trang này không dùng được: danh sách tin cậy không đúng.", noCode: "Không đọc được mã QR trong ảnh.",
  },
  en: {
    title: "Check a procedure result", other: "Tiếng Việt", camera: "Scan with the camera", picture: "Picture of a QR code",
    list: "Status list", paste: "Or paste what the QR code holds", check: "Check",
    PASSED: "Genuine and in force.", FAILED: "Do not accept this.", INDETERMINATE: "Not decided.",
    copied: "A code can be copied: hold the fields against the person's identity card.",
    issuer: "Issued by", issued: "Issued on", expires: "Until",
    trust: (trust, days) => `Trust list number ${trust.number}, ${days} days old (${trust.iss}).`,
    lists: (count) => `Status lists at hand: ${count}. The page sends nothing anywhere.`,
    broken: "This page cannot be used: its trust list does not hold.", noCode: "No QR code can be read in the picture.",
  },
};
const element = (id) => document.getElementById(id);
const lists = pinned.status_lists.map(bytesOf);
const now = () => Math.floor(Date.now() / 1000);
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh" });
let language = "vi", last = null;

async function draw() {
  document.documentElement.lang = language;
  const say = words[language];
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say[node.dataset.text];
  element("language").textContent = say.other;
  element("lists").textContent = say.lists(lists.length);
  try {
    const trust = await openTrust();
    element("trust").textContent = say.trust(trust, Math.floor((now() - trust.iat) / DAY_S));
  } catch { element("trust").textContent = say.broken; }
  const node = element("verdict");
  node.hidden = last === null;
  element("copied").hidden = last === null || last.result === null;
  if (last === null) return;
  node.dataset.outcome = last.outcome;
  node.textContent = say[last.outcome];
  const items = last.reasons.map((code) => {
    const item = document.createElement("li");
    item.dataset.code = code;
    item.textContent = pinned.reasons[code] ? pinned.reasons[code][language] : code;
    return item;
  });
  element("reasons").replaceChildren(...items);
  const rows = [];
  element("kind").textContent = last.result ? last.result.schema[`title_${language}`] : "";
  if (last.result) {
    rows.push(...last.rows.map((row) => row[language === "vi" ? 0 : 1]));
    rows.push([say.issuer, `${last.issuer[`name_${language}`]} (${last.issuer.id})`]);
    rows.push([say.issued, day(last.result.issued)], [say.expires, day(last.result.expires)]);
  }
  element("fields").replaceChildren(...rows.flatMap(([label, text]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = label;
    dd.textContent = text;
    return [dt, dd];
  }));
}

// Of several checks under way the one begun last is shown; nothing of an earlier one stays beside it.
let begun = 0;

async function check(text) {
  const mine = ++begun;
  let found = { outcome: "INDETERMINATE", reasons: ["credential.unexpected"], result: null };
  try {
    found = await judge(text.replace(/^[\r\n\t]+|[\r\n\t]+$/g, ""), lists, now());
  } catch { /* stays undecided */ }
  if (mine !== begun) return;
  last = found;
  await draw();
}

async function scan(source) {
  const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(source);
  const code = found.find((one) => one.rawValue.startsWith(PREFIX)) || found[0];
  if (code) element("text").value = code.rawValue;
  return code ? code.rawValue : null;
}

async function openCamera() {
  const video = element("video");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  for (let text = null; text === null && video.srcObject === stream;) {
    text = await scan(video);
    if (text !== null) await check(text);
    else await new Promise((resume) => setTimeout(resume, 150));
  }
  stream.getTracks().forEach((track) => track.stop());
  video.hidden = true;
}

element("check").addEventListener("click", () => check(element("text").value));
element("language").addEventListener("click", () => { language = language === "vi" ? "en" : "vi"; draw(); });
element("list").addEventListener("change", async (event) => {
  for (const file of event.target.files) if (file.size <= MAX_LIST) lists.push(new Uint8Array(await file.arrayBuffer()));
  await (last === null ? draw() : check(element("text").value));
});
element("camera").addEventListener("click", () => openCamera().catch(() => { element("video").hidden = true; }));
element("picture").addEventListener("change", async (event) => {
  const text = event.target.files.length ? await scan(await createImageBitmap(event.target.files[0])) : null;
  if (text !== null) await check(text);
  else element("lists").textContent = words[language].noCode;
});
if ("BarcodeDetector" in window) {
  element("picture-label").hidden = false;
  element("camera").hidden = !(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
}
// A link may carry the code behind its #, which browsers send to nobody: …/verifier.html#EKYC1:…
const linked = () => {
  if (location.hash.length < 2) return draw();
  try { element("text").value = decodeURIComponent(location.hash.slice(1)); } catch { return draw(); }
  return check(element("text").value);
};
window.addEventListener("hashchange", linked);
linked();
