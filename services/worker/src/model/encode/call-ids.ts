const ALLOWED = /^[A-Za-z0-9_-]{1,40}$/;
/** Mistral's API and templates reject any id that is not nine letters or digits. */
const NINE = /^[A-Za-z0-9]{9}$/;
const MISTRAL = /mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|nemo/i;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Maps the call ids of one request. An id that every server of the model accepts is kept. Any other (too long, with other
 * characters, or repeated: Ollama resolves a repeated id to the last call) becomes nine letters or digits. The same history
 * maps to the same ids, so that prompt caches stay valid.
 */
export function createCallIds(model: string): (id: string) => string {
  const used = new Set<string>();
  const form = MISTRAL.test(model) ? NINE : ALLOWED;
  return (id) => {
    let given = id;
    for (let round = 0; used.has(given) || !form.test(given); round++) given = nineFrom(`${round} ${id}`);
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
