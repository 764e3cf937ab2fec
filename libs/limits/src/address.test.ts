import { expect, test } from "vitest";
import { z } from "zod";
import { addressGroup, clientAddress, proxiesEnv } from "./address.ts";

const trusting = (text: string) => z.object(proxiesEnv).parse({ TRUSTED_PROXIES: text }).TRUSTED_PROXIES;

test("only what a trusted proxy says is believed, from the last to the first", () => {
  const isTrusted = trusting("10.0.0.0/8, 2001:db8::1");
  expect(clientAddress("192.0.2.1", "198.51.100.7", isTrusted)).toBe("192.0.2.1");
  expect(clientAddress("10.1.2.3", "198.51.100.7", isTrusted)).toBe("198.51.100.7");
  expect(clientAddress("::ffff:10.1.2.3", "198.51.100.7", isTrusted)).toBe("198.51.100.7");
  expect(clientAddress("2001:db8::1", "1.1.1.1, 198.51.100.7, 10.9.9.9", isTrusted)).toBe("198.51.100.7");
  expect(clientAddress("10.1.2.3", "nonsense", isTrusted)).toBe("10.1.2.3");
  expect(clientAddress("10.1.2.3", undefined, isTrusted)).toBe("10.1.2.3");
  expect(clientAddress("10.1.2.3", "198.51.100.7", trusting(""))).toBe("10.1.2.3");
});

test.each(["10.0.0.0/33", "host.example", "10.0.0.1/8/9", "::1/129", "10.0.0.0/x"])("%s is no network", (text) => {
  expect(() => trusting(text)).toThrow("must be addresses or networks");
});

test("an IPv6 address counts as its /64 network, however it is written", () => {
  expect(addressGroup("192.0.2.1")).toBe("192.0.2.1");
  expect(addressGroup("::ffff:192.0.2.1")).toBe("192.0.2.1");
  for (const same of ["2001:db8:0:5::1", "2001:0DB8::5:0:0:0:9", "2001:db8:0:5:ffff:1:2:3%eth0"]) {
    expect(addressGroup(same)).toBe("2001:db8:0:5::/64");
  }
  expect(addressGroup("::1")).toBe("0:0:0:0::/64");
  expect(addressGroup("2001:db8:0:6::1")).not.toBe(addressGroup("2001:db8:0:5::1"));
});
