import { createHash, createHmac, pbkdf2Sync, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createBoundLogin } from "./channel-binding.ts";

const certificate = new X509Certificate(readFileSync(new URL("../../test/tls/localhost.pem", import.meta.url))).raw;
const salt = Buffer.from("salt of the role");

function message(kind: number, body = ""): Buffer {
  const header = Buffer.from([0x52, 0, 0, 0, 0, 0, 0, 0, kind]);
  header.writeInt32BE(8 + Buffer.byteLength(body), 1);
  return Buffer.concat([header, Buffer.from(body)]);
}

/** The server's side up to its last message. @returns what that must say, and the client's login */
async function until(iterations = 4096) {
  const login = createBoundLogin("secret", certificate);
  const first = (await login(message(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")))?.toString() ?? "";
  const bare = first.slice(first.indexOf("n=,"));
  const serverFirst = `${bare.slice(3)}more,s=${salt.toString("base64")},i=${iterations}`;
  const answer = (await login(message(11, serverFirst)))?.toString("utf8", 5) ?? "";
  const unproved = answer.slice(0, answer.indexOf(",p="));
  const key = createHmac("sha256", pbkdf2Sync("secret", salt, iterations, 32, "sha256"))
    .update("Server Key")
    .digest();
  const all = [bare, serverFirst, unproved].join(",");
  return { login, unproved, signature: createHmac("sha256", key).update(all).digest("base64") };
}

test("the login is complete when the server has shown that it knows the password", async () => {
  const { login, unproved, signature } = await until();
  const binding = Buffer.from(/c=([^,]*)/.exec(unproved)?.[1] ?? "", "base64");
  const hash = createHash("sha384").update(certificate).digest();
  expect(binding).toEqual(Buffer.concat([Buffer.from("p=tls-server-end-point,,"), hash]));
  expect(await login(message(12, `v=${signature}`))).toHaveLength(0);
  expect(await login(message(0))).toBeNull();
});

test("a server that does not know the password, or lets the client in without proof, is refused", async () => {
  for (const last of [`v=${Buffer.alloc(32).toString("base64")}`, "v=", "e=other-error", ""])
    await expect((await until()).login(message(12, last))).rejects.toThrow("channel_binding");
  await expect((await until()).login(message(0))).rejects.toThrow("channel_binding");
});

test.each([
  ["no password", message(0)],
  ["a password in plain text", message(3)],
  ["MD5", message(5, "salt")],
  ["SCRAM without a binding", message(10, "SCRAM-SHA-256\0\0")],
  ["a proof before the question", message(12, "v=")],
])("a server that asks for %s is refused", async (_, asked) => {
  await expect(createBoundLogin("secret", certificate)(asked)).rejects.toThrow("channel_binding");
});

test.each(["r=another,s=c2FsdA==,i=4096", "s=c2FsdA==,i=4096", "e=unknown-user"])("%s is no answer", async (body) => {
  await expect(createBoundLogin("secret", certificate)(message(11, body))).rejects.toThrow("not valid SCRAM");
});

test("a server cannot keep a core busy with iterations", async () => {
  await expect(until(1_000_000_000)).rejects.toThrow("not valid SCRAM");
});
