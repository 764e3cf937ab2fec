import { expect, it } from "vitest";
import { deploymentOf, formsOf, ownUrl, protocolUrl, readServerUrl } from "./server-url.ts";

it.each<[string, string, string?]>([
  ["http://host:8080", "http://host:8080/v1/models", "http://host:8080/models"],
  ["http://host:8080/v1/", "http://host:8080/v1/models", "http://host:8080/models"],
  ["http://host//v1//chat/completions//", "http://host/v1/models", "http://host/models"],
  ["http://host/v1/models#x", "http://host/v1/models", "http://host/models"],
  ["http://host/x/v1/responses?a=b", "http://host/x/v1/models?a=b", undefined],
  ["https://a.example/openai/v1/", "https://a.example/openai/v1/models", undefined],
  ["http://host/v1/chat/completions\r", "http://host/v1/models", "http://host/models"],
  ["http://host/prefix", "http://host/prefix/models", "http://host/prefix/v1/models"],
  ["http://host/prefix/v1", "http://host/prefix/v1/models", undefined],
  [
    "https://g.example/v1beta/openai/",
    "https://g.example/v1beta/openai/models",
    "https://g.example/v1beta/openai/v1/models",
  ],
  [
    " https://z.example/api/paas/v4 ",
    "https://z.example/api/paas/v4/models",
    "https://z.example/api/paas/v4/v1/models",
  ],
  [
    "https://a.example/openai/deployments/d/chat/completions?api-version=1",
    "https://a.example/openai/deployments/d/models?api-version=1",
    "https://a.example/openai/deployments/d/v1/models?api-version=1",
  ],
])("%j leads to %s, else to %s", (entered, first, other) => {
  const { url, basicAuth } = readServerUrl(entered);
  expect(basicAuth).toBeNull();
  expect(formsOf(url).map((form) => protocolUrl(url, form, "/models"))).toEqual(other ? [first, other] : [first]);
});

it("an Azure URL names its deployment", () => {
  const { url } = readServerUrl(
    "https://a.example/openai/deployments/gpt%204o/chat/completions?api-version=2024-10-21",
  );
  expect(deploymentOf(url)).toBe("gpt 4o");
  expect(["https://a.example/openai/v1", "http://host/deployments/x"].map(deploymentOf)).toEqual([null, null]);
});

it("a server's own paths are outside /v1 and keep both queries", () => {
  expect(ownUrl("http://host/prefix/v1", "/props?model=m")).toBe("http://host/prefix/props?model=m");
  expect(ownUrl("http://host?a=b", "/props?model=m")).toBe("http://host/props?model=m&a=b");
  expect(ownUrl("http://host?a=b", "/slots")).toBe("http://host/slots?a=b");
});

it("user and password are taken out of the URL", () => {
  expect(readServerUrl("http://ada:p%40ss@host/v1")).toEqual({ url: "http://host", basicAuth: "ada:p@ss" });
  expect(readServerUrl("http://token@host/x")).toEqual({ url: "http://host/x", basicAuth: "token:" });
  expect(readServerUrl("http://ada:100%@host").basicAuth).toBe("ada:100%");
});
