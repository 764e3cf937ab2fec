import { expect, test } from "vitest";
import { RedirectRefused, requestTo } from "../src/request-to.ts";
import { httpServer } from "./http-server.ts";

const signal = AbortSignal.timeout(30_000);
const body = { prompt: "private" };

test.each([301, 302, 303, 307, 308])(
  "a %s within the origin keeps the method, the body and the key",
  async (status) => {
    const server = await httpServer(({ path }, response) => {
      if (path === "/v1/x") response.writeHead(status, { location: "/moved/x" }).end();
      else response.end("there");
    });
    const response = await requestTo({ url: server.url, apiKey: "key" }, "/v1/x", { body, signal });
    expect(await response.text()).toBe("there");
    expect(server.seen[1]).toMatchObject({
      ...{ method: "POST", path: "/moved/x", body: JSON.stringify(body), headers: { authorization: "Bearer key" } },
    });
  },
);

test("a login in a redirect within the origin is not used, and not quoted", async () => {
  const server = await httpServer(({ path }, response) => {
    if (path === "/v1/x")
      response.writeHead(307, { location: `${server.url.replace("//", "//user:private@")}/there` }).end();
    else response.end("there");
  });
  const response = await requestTo({ url: server.url, apiKey: "key" }, "/v1/x", { body, signal });
  expect(await response.text()).toBe("there");
  expect(server.seen[1]?.headers.authorization).toBe("Bearer key");
});

test("a redirect to another origin is refused: the prompt does not go there, and the error names it and the setting", async () => {
  const other = await httpServer((_, response) => void response.end());
  const server = await httpServer((_, response) => {
    response.writeHead(307, { location: `${other.url}/v1/x?key=private` }).end();
  });
  const error = (name?: string) =>
    requestTo({ url: server.url, ...(name && { name }) }, "/v1/x", { body, signal }).catch((reason: unknown) => reason);
  expect(await error("default")).toEqual(
    new RedirectRefused(`the server redirects to ${other.url}: if that is right, change LLAMA_SWAP_URL`),
  );
  expect(String(await error("gpu"))).toContain("change the url of gpu in MODEL_SERVERS");
  expect(other.seen).toEqual([]);
});

test("redirects without an end, or to no URL, are refused; one without a target is the answer", async () => {
  const server = await httpServer(({ path }, response) => {
    const location = { "/loop": "/loop", "/odd": "http://[" }[path];
    response.writeHead(302, location ? { location } : {}).end();
  });
  const ask = (path: string) => requestTo(server, path, { signal });
  await expect(ask("/loop")).rejects.toThrow("redirects more than 5 times");
  expect(server.seen).toHaveLength(6);
  await expect(ask("/odd")).rejects.toThrow("redirects to no valid URL");
  expect((await ask("/none")).status).toBe(302);
});
