import { createHash } from "node:crypto";

// Texts of many kinds. `estimate-tokens.test.ts` has the tokenizers' counts for each.

let state = 12_345;
/** Numbers below `below`, the same in every run. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}
const repeat = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join("");
const anyOf = (characters: string) => [...characters][random([...characters].length)] as string;
const codes = (from: number, count: number) => String.fromCodePoint(from + random(count));
const bytes = Buffer.concat(
  Array.from({ length: 60 }, (_, index) => createHash("sha512").update(`bytes ${index}`).digest()),
);
const hash = (index: number) => createHash("sha1").update(`hash ${index}`).digest("hex");

export const samples = {
  digits: repeat(3_000, () => anyOf("0123456789")),
  "lines of numbers": repeat(200, () => `${random(1e12)}\n`),
  "a table of numbers": repeat(150, () => `${random(1e6) / 1e3},${random(1e6) / 1e3},${random(100)}\n`),
  hex: bytes.toString("hex").slice(0, 3_000),
  "a hex dump": repeat(
    80,
    (i) =>
      `${(i * 16).toString(16).padStart(8, "0")}  ${bytes
        .subarray(i * 16, i * 16 + 16)
        .toString("hex")
        .replaceAll(/../g, "$& ")}\n`,
  ),
  base64: bytes.toString("base64").slice(0, 3_000),
  base64url: bytes.toString("base64url").slice(0, 3_000),
  base32: repeat(3_000, () => anyOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
  UUIDs: repeat(60, (i) => `${hash(i).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, "$1-$2-$3-$4-$5")}\n`),
  "hashes and names": repeat(60, (i) => `${hash(i)} src/file-${i}.ts\n`),
  "random letters": repeat(3_000, () => anyOf("abcdefghijklmnopqrstuvwxyz")),
  "random capitals": repeat(3_000, () => anyOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
  "random ASCII": repeat(3_000, () => codes(33, 94)),
  punctuation: repeat(3_000, () => anyOf("!@#$%^&*()_+-=[]{}|;:',.<>/?`~\"\\")),
  "IP addresses": repeat(150, () => `${random(256)}.${random(256)}.${random(256)}.${random(256)}\n`),
  "a log": repeat(
    60,
    (i) =>
      `2026-11-27T11:${10 + (i % 50)}:${10 + ((i * 7) % 50)}.${100 + i}Z INFO [worker-${i}] request_id=${hash(i).slice(0, 12)} status=200 took=${i * 3}ms path=/api/sessions/${i}\n`,
  ),
  "source code":
    "export function sum(items: readonly Item[], rate = 0.2): number {\n  const total = items.reduce((all, item) => all + item.price * item.quantity, 0);\n  if (total < 0) throw new Error(`a negative total`);\n  return Math.round(total * (1 + rate) * 100) / 100;\n}\n\nclass OrderQueue {\n\tprivate readonly orders = new Map<string, Order>();\n}\n".repeat(
      12,
    ),
  "minified code":
    'function a(e,t){var n=e.length;for(var r=0;r<n;r++){if(e[r]===t)return r}return-1}!function(e){"use strict";var t={},n=e.document||{};t.on=function(e,n){(t[e]=t[e]||[]).push(n)};e.$=t}(window);'.repeat(
      20,
    ),
  C: "template<typename T, size_t N>\nstd::array<T, N> add(const std::array<T, N>& a, const std::array<T, N>& b) {\n\tfor (size_t i = 0; i < N; ++i) r[i] = a[i] + b[i];\n}\n".repeat(
    20,
  ),
  JSON: JSON.stringify(
    Array.from({ length: 60 }, (_, id) => ({ id, name: `item ${id}`, tags: ["a", "b"], price: id * 1.25, ok: true })),
  ),
  "indented JSON": JSON.stringify(
    Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.25 })),
    null,
    2,
  ),
  "regular expressions":
    '/^(?:[a-z0-9!#$%&\'*+/=?^_`{|}~-]+(?:\\.[a-z0-9]+)*|"(?:[\\x01-\\x08])*")@(?:[a-z0-9]+\\.)+$/\n'.repeat(25),
  "a Markdown table": repeat(80, (i) => `| ${i} | name ${i} | ${"x".repeat(i % 5)} | yes |\n`),
  paths: repeat(80, (i) => `services/worker/src/model/decode/file-${i}.test.ts:${i * 3}\n`),
  identifiers: repeat(
    200,
    () =>
      `${["getUserById", "setAccountHolderName", "XMLHttpRequest", "get_user_by_id", "MAX_RETRY_COUNT"][random(5)]}\n`,
  ),
  English:
    "The service reads its configuration first, and then chooses the model server that suits the parameters. When a server reports an error, it is written to the log, and users are told what they can do about it. ".repeat(
      15,
    ),
  German:
    "Diese Funktion liest zunächst die Konfigurationsdatei und wählt anschließend den passenden Modellserver anhand der Parameter aus. ".repeat(
      20,
    ),
  Finnish:
    "Tämä toiminto lukee ensin määritystiedoston ja valitsee sitten sopivan mallipalvelimen parametrien perusteella. ".repeat(
      20,
    ),
  Vietnamese: "Hàm này trước tiên đọc tệp cấu hình rồi chọn máy chủ mô hình phù hợp theo các tham số. ".repeat(25),
  Russian:
    "Эта функция сначала читает файл конфигурации, затем выбирает подходящий сервер модели в зависимости от параметров. ".repeat(
      20,
    ),
  Greek:
    "Αυτή η συνάρτηση διαβάζει πρώτα το αρχείο ρυθμίσεων και στη συνέχεια επιλέγει τον κατάλληλο διακομιστή. ".repeat(
      20,
    ),
  Arabic: "تقرأ هذه الدالة أولاً ملف الإعدادات ثم تختار خادم النموذج المناسب وفقًا للمعلمات. ".repeat(20),
  Hebrew: "פונקציה זו קוראת תחילה את קובץ התצורה ולאחר מכן בוחרת את שרת המודל המתאים. ".repeat(20),
  Hindi: "यह फ़ंक्शन पहले कॉन्फ़िगरेशन फ़ाइल पढ़ता है और फिर उपयुक्त मॉडल सर्वर चुनता है। ".repeat(20),
  Tamil: "இந்த செயல்பாடு முதலில் உள்ளமைவு கோப்பைப் படித்து பின்னர் பொருத்தமான சேவையகத்தைத் தேர்ந்தெடுக்கிறது. ".repeat(20),
  Thai: "ฟังก์ชันนี้จะอ่านไฟล์การตั้งค่าก่อน จากนั้นเลือกเซิร์ฟเวอร์โมเดลที่เหมาะสมตามพารามิเตอร์ ".repeat(20),
  Georgian: "ეს ფუნქცია ჯერ კითხულობს კონფიგურაციის ფაილს და შემდეგ ირჩევს სერვერს. ".repeat(20),
  Chinese:
    "代码库中的计算函数首先读取配置文件,然后根据参数选择合适的模型服务器,并在必要时重试请求。如果服务器返回错误信息,系统会将其记录到日志中。".repeat(
      30,
    ),
  "two Chinese characters": "计算".repeat(1_500),
  "random Chinese characters": repeat(1_500, () => codes(0x4e00, 3_500)),
  Japanese:
    "この関数は設定ファイルを読み込み、パラメータに応じて適切なモデルサーバーを選択します。エラーはログに記録されます。".repeat(
      30,
    ),
  Korean: "이 함수는 먼저 설정 파일을 읽고 매개변수에 따라 적절한 모델 서버를 선택합니다. ".repeat(30),
  emoji: repeat(1_500, () => codes([0x1f600, 0x1f680, 0x1f300][random(3)] as number, 60)),
  "one emoji": "😀".repeat(1_500),
  "joined emoji": "👨‍👩‍👧‍👦🏳️‍🌈👩🏽‍💻".repeat(150),
  flags: "🇩🇪🇫🇷🇯🇵🇺🇸".repeat(150),
  "boxes and arrows": repeat(60, (i) => `│   ├── file-${i}.ts → ${"─".repeat(20)}┤\n`),
  "indented lines": `${" ".repeat(60)}x\n`.repeat(130),
  tabs: repeat(150, (i) => `${"\t".repeat(i % 12)}x\n`),
  "line breaks": "\n".repeat(3_000),
  blanks: " ".repeat(8_000),
  "lines of CRLF": "a line\r\n".repeat(400),
  "equals signs": "=".repeat(8_000),
  rulers: `${"-".repeat(80)}\n`.repeat(40),
  "one letter": "q".repeat(3_000),
  "one word": "word ".repeat(800),
  zeros: "0".repeat(3_000),
};
