import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fetch } from "undici";
import { expect, onTestFinished, test } from "vitest";
import { createDispatcherOf, type ProxySettings } from "../src/dispatcher.ts";
import { httpServer } from "./http-server.ts";

/** A proxy that answers plain requests itself and refuses tunnels. */
async function proxy() {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]} ${body}`);
    response.end("by proxy");
  });
  server.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function ask(url: string, settings: ProxySettings): Promise<string> {
  const dispatcher = createDispatcherOf(settings)(url);
  onTestFinished(() => dispatcher.destroy());
  return await (await fetch(url, { method: "POST", body: "prompt", dispatcher })).text();
}

test("requests go through the proxy, with its login, and https through a tunnel", async () => {
  const { host, seen } = await proxy();
  const settings = { HTTP_PROXY: `http://ada:pass@${host}`, HTTPS_PROXY: `http://${host}`, NO_PROXY: "" };
  expect(await ask("http://model.invalid/v1/models", settings)).toBe("by proxy");
  await expect(ask("https://model.invalid/v1/models", settings)).rejects.toThrow("fetch failed");
  const login = Buffer.from("ada:pass").toString("base64");
  expect(seen).toEqual([`POST http://model.invalid/v1/models Basic ${login} prompt`, "CONNECT model.invalid:443"]);
});

test("requests to this machine, and to the hosts in NO_PROXY, do not", async () => {
  const { host, seen } = await proxy();
  const server = await httpServer((_, response) => void response.end("direct"));
  const { port } = new URL(server.url);
  const settings = { HTTP_PROXY: `http://${host}`, NO_PROXY: "" };
  expect(await ask(server.url, settings)).toBe("direct");
  // Linux connects to this machine under this address, too, which is not a loopback address.
  expect(await ask(`http://0.0.0.0:${port}`, { ...settings, NO_PROXY: "other.example,0.0.0.0" })).toBe("direct");
  expect(await ask(`http://0.0.0.0:${port}`, settings)).toBe("by proxy");
  expect(seen).toHaveLength(1);
});

test.each([
  ["*", "gpu.example", true],
  [" * ", "gpu.example", true],
  ["gpu.example", "gpu.example", true],
  ["GPU.Example", "gpu.example", true],
  ["example", "gpu.example", true],
  [".example", "gpu.example", true],
  ["*.example", "gpu.example", true],
  ["ample", "gpu.example", false],
  ["other.example, gpu.example", "gpu.example", true],
  ["other.example gpu.example", "gpu.example", true],
  ["gpu.example:8080", "gpu.example:8080", true],
  ["gpu.example:8080", "gpu.example:9090", false],
  ["gpu.example:80", "gpu.example", true],
  ["10.0.0.5", "10.0.0.5:8080", true],
  // Ranges are not understood.
  ["10.0.0.0/8", "10.0.0.5", false],
])("NO_PROXY=%s: %s goes directly: %s", async (noProxy, authority, isDirect) => {
  const { host, seen } = await proxy();
  const dispatcher = createDispatcherOf({ HTTP_PROXY: `http://${host}`, NO_PROXY: noProxy.trim() })(
    `http://${authority}`,
  );
  onTestFinished(() => dispatcher.destroy());
  // A direct request finds no such host, or is aborted.
  const signal = AbortSignal.timeout(1_000);
  await fetch(`http://${authority}`, { dispatcher, signal }).catch(() => {});
  expect(seen.length).toBe(isDirect ? 0 : 1);
});

test("this machine is reached directly under each of its names", async () => {
  const { host, seen } = await proxy();
  const server = await httpServer((_, response) => void response.end("direct"));
  const { port } = new URL(server.url);
  for (const name of ["localhost", "localhost.", "127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
    await ask(`http://${name}:${port}`, { HTTP_PROXY: `http://${host}`, NO_PROXY: "" }).catch(() => {});
  expect(seen).toEqual([]);
});

test("no setting means no proxy", async () => {
  const server = await httpServer((_, response) => void response.end("direct"));
  const settings = { HTTP_PROXY: "", HTTPS_PROXY: "", NO_PROXY: "" };
  expect(await ask(server.url.replace("127.0.0.1", "0.0.0.0"), settings)).toBe("direct");
});
