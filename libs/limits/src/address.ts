import { BlockList, isIP, isIPv6 } from "node:net";
import { z } from "zod";

/** An address as IPv4 where it is one: a socket that listens on both names it ::ffff:192.0.2.1. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "").replace(/%.*$/, "");

const family = (address: string) => (isIPv6(address) ? ("ipv6" as const) : ("ipv4" as const));

/** Whether an address is that of a proxy whose `X-Forwarded-For` is believed. */
export type IsTrusted = (address: string) => boolean;

/** TRUSTED_PROXIES: addresses and networks such as 10.0.0.0/8, separated by commas. */
const trustedProxies = z
  .string()
  .default("")
  .transform((text, context): IsTrusted => {
    const list = new BlockList();
    for (const part of text
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "")) {
      const [address = "", bits, ...rest] = part.split("/");
      const most = isIPv6(address) ? 128 : 32;
      const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
      if (!isIP(address) || length < 0 || length > most || rest.length > 0) {
        context.addIssue("must be addresses or networks such as 10.0.0.0/8, separated by commas");
        return z.NEVER;
      }
      list.addSubnet(address, length, family(address));
    }
    return (address) => isIP(plain(address)) !== 0 && list.check(plain(address), family(plain(address)));
  });

export const proxiesEnv = { TRUSTED_PROXIES: trustedProxies };

/**
 * The address of a client: that of its connection, or what the trusted proxies before it say, read from the last to the first.
 * What an untrusted address says is not believed.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  isTrusted: IsTrusted,
): string {
  let address = plain(peer ?? "");
  for (const next of (forwardedFor ?? "").split(",").reverse()) {
    if (!isTrusted(address)) break;
    const named = plain(next.trim());
    if (isIP(named) === 0) break;
    address = named;
  }
  return address;
}

/** Whom an address stands for: itself, or its /64 network, because an IPv6 customer has at least that many addresses. */
export function addressGroup(address: string): string {
  const known = plain(address);
  if (!isIPv6(known)) return known;
  const [head = "", tail = ""] = known.toLowerCase().split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const missing = 8 - groups(head).length - groups(tail.replace(/\d+\.\d+\.\d+\.\d+$/, "0:0")).length;
  const all = [...groups(head), ...Array(known.includes("::") ? Math.max(0, missing) : 0).fill("0"), ...groups(tail)];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
