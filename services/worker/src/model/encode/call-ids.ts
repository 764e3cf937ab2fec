/**
 * The form that every server and template accepts. Mistral's API and templates reject any other, and the model's name does not
 * tell: templates run under aliases.
 */
const NINE = /^[A-Za-z0-9]{9}$/;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Maps the call ids of one request to nine letters or digits each. An id of that form is kept, unless it is repeated: Ollama
 * resolves a repeated id to the last call. The same history maps to the same ids, so that prompt caches stay valid.
 */
export function createCallIds(): (id: string) => string {
  const used = new Set<string>();
  return (id) => {
    let given = id;
    for (let round = 0; used.has(given) || !NINE.test(given); round++) given = nineFrom(`${round} ${id}`);
    used.add(given);
    return given;
  };
}

/** 64-bit FNV-1a, written in base 62. */
function nineFrom(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < text.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n);
  }
  let nine = "";
  for (let place = 0; place < 9; place++) {
    nine += ALPHABET[Number(hash % 62n)];
    hash /= 62n;
  }
  return nine;
}
