import { expect, it } from "vitest";
import { connectionFault, connectionReason } from "./connection-reason.ts";

const failed = (cause: Error) => new TypeError("fetch failed", { cause });
const coded = (code: string) => Object.assign(new Error("connect to http://user:pass@host"), { code });

it.each([
  ["ECONNREFUSED", "the connection was refused"],
  ["ENOTFOUND", "the server's name was not found"],
  ["EAI_AGAIN", "the server's name was not found"],
  ["UND_ERR_CONNECT_TIMEOUT", "the connection timed out"],
  ["UND_ERR_SOCKET", "the server closed the connection"],
  ["EHOSTUNREACH", "the server's network cannot be reached"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "no TLS connection could be made"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "the server's certificate is not valid"],
  ["CERT_HAS_EXPIRED", "the server's certificate is not valid"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is not valid"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "the server's certificate is not valid"],
  ["HPE_INVALID_CONSTANT", "the answer is not HTTP"],
  ["ODD", "the connection failed"],
])("%s reads as: %s", (code, reason) => expect(connectionReason(failed(coded(code)))).toBe(reason));

it("names the first of several failures, and never quotes the runtime", () => {
  expect(connectionReason(failed(new AggregateError([coded("ECONNREFUSED")], "")))).toBe("the connection was refused");
  for (const odd of [null, "text", new Error("http://user:pass@host"), failed(new Error("http://user:pass@host"))])
    expect(connectionReason(odd)).toBe("the connection failed");
});

it("is lasting only for a certificate, which no wait makes valid", () => {
  const lasting = ["CERT_HAS_EXPIRED", "ECONNREFUSED", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT", "EPROTO", "ODD"].filter(
    (code) => connectionFault(failed(coded(code))).isLasting,
  );
  expect(lasting).toEqual(["CERT_HAS_EXPIRED"]);
});
