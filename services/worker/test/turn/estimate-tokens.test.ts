import { describe, expect, it } from "vitest";
import { estimateTokens } from "../../src/turn/estimate-tokens.ts";
import { samples } from "./token-samples.ts";

/** The counts of the tokenizers of GPT-4o, Llama 3, Qwen 3, Gemma 3 and DeepSeek V3 for each sample. */
const COUNTS: Record<keyof typeof samples, number[]> = {
  digits: [1000, 1001, 3000, 3000, 1001],
  "lines of numbers": [1000, 1000, 2578, 2578, 1000],
  "a table of numbers": [1498, 1498, 2772, 2772, 1498],
  hex: [1725, 1720, 2653, 2664, 1751],
  "a hex dump": [3157, 3158, 4011, 4044, 3123],
  base64: [2040, 2161, 2235, 2105, 2088],
  base64url: [2019, 2143, 2217, 2105, 2080],
  base32: [1943, 2001, 2113, 1984, 1963],
  UUIDs: [1416, 1421, 1963, 2039, 1428],
  "hashes and names": [1754, 1755, 2557, 2676, 1771],
  "random letters": [1546, 1609, 1619, 1530, 1596],
  "random capitals": [1706, 1749, 1758, 1625, 1735],
  "random ASCII": [2220, 2242, 2284, 2317, 2276],
  punctuation: [2004, 1976, 1979, 1899, 2115],
  "IP addresses": [1200, 1200, 2115, 2115, 1200],
  "a log": [2756, 2758, 3817, 3891, 2762],
  "source code": [1092, 1093, 1141, 1333, 1105],
  "minified code": [1500, 1520, 1520, 1880, 1640],
  C: [1300, 1302, 1302, 1601, 1302],
  JSON: [1592, 1533, 1715, 1715, 1653],
  "indented JSON": [1142, 1143, 1255, 1416, 1143],
  "regular expressions": [1376, 1400, 1450, 1500, 1525],
  "a Markdown table": [960, 961, 1101, 1197, 977],
  paths: [1200, 1202, 1394, 1793, 1202],
  identifiers: [964, 803, 803, 1016, 1012],
  English: [646, 646, 646, 646, 646],
  German: [461, 602, 582, 482, 582],
  Finnish: [542, 742, 761, 582, 642],
  Vietnamese: [576, 576, 627, 552, 951],
  Russian: [462, 561, 641, 421, 541],
  Greek: [682, 743, 1820, 683, 922],
  Arabic: [520, 621, 601, 501, 621],
  Hebrew: [582, 1461, 641, 661, 701],
  Hindi: [541, 801, 1620, 481, 1081],
  Tamil: [621, 2761, 2260, 441, 1041],
  Thai: [721, 801, 1080, 561, 720],
  Georgian: [541, 2620, 1420, 581, 1140],
  Chinese: [1260, 1350, 1230, 1140, 1080],
  "two Chinese characters": [1500, 1500, 1500, 1500, 1500],
  "random Chinese characters": [2723, 2740, 2284, 2838, 2499],
  Japanese: [1201, 1201, 1230, 690, 1140],
  Korean: [721, 721, 811, 661, 841],
  emoji: [2930, 3958, 1728, 1902, 2956],
  "one emoji": [1500, 3000, 1500, 1500, 3000],
  "joined emoji": [3600, 4800, 3000, 2250, 3450],
  flags: [2400, 3600, 1200, 1200, 2400],
  "boxes and arrows": [1080, 960, 1010, 893, 961],
  "indented lines": [390, 394, 394, 524, 395],
  tabs: [424, 424, 424, 437, 424],
  "line breaks": [188, 95, 95, 98, 188],
  blanks: [63, 64, 64, 260, 68],
  "lines of CRLF": [1200, 1200, 1200, 1600, 1600],
  "equals signs": [125, 124, 124, 500, 128],
  rulers: [80, 82, 82, 241, 82],
  "one letter": [1500, 1500, 1500, 1500, 1500],
  "one word": [801, 802, 802, 802, 802],
  zeros: [1000, 1001, 3000, 3000, 1001],
};

describe("the estimate of a text's tokens", () => {
  it.each(Object.keys(samples) as (keyof typeof samples)[])("bounds what tokenizers count for %s", (name) => {
    const { most, least } = estimateTokens(samples[name]);
    expect(most).toBeGreaterThanOrEqual(Math.max(...COUNTS[name]) * 0.85);
    // An estimate that is too high wastes room until the server has counted.
    if (most > 1_000) expect(most).toBeLessThan(Math.max(...COUNTS[name]) * 2.1);
    expect(least).toBeLessThanOrEqual(Math.min(...COUNTS[name]));
  });

  it("is zero for no text", () => expect(estimateTokens("")).toEqual({ most: 0, least: 0 }));
});
