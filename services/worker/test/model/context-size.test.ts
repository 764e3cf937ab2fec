import { describe, expect, it } from "vitest";
import { createContextSize } from "../../src/model/discovery/context-size.ts";
import { createKnownTraits } from "../../src/model/discovery/known-traits.ts";
import { modelServer, sendJson } from "./model-server.ts";

describe("createContextSize", () => {
  it("prefers the slot's own size, and asks once", async () => {
    const server = await modelServer(({ path }, response) => {
      if (path === "/upstream/org%2Fm/props") {
        const chat_template_caps = { supports_parallel_tool_calls: false, supports_tools: false };
        return sendJson(response, 200, { default_generation_settings: { n_ctx: 8192 }, chat_template_caps });
      }
      sendJson(response, 200, { data: [{ id: "org/m", meta: { n_ctx: 32768 } }] });
    });
    const traits = createKnownTraits();
    const sizes = createContextSize({
      server: { url: `${server.baseUrl}/` },
      timeoutMs: 5_000,
      onTraits: traits.learn,
    });
    expect(traits.of("org/m").single_tool_calls).toBe(false);
    expect(sizes.seesTools("org/m")).toBeNull();
    expect(await Promise.all([sizes.get("org/m"), sizes.get("org/m")])).toEqual([8192, 8192]);
    expect(await sizes.get("org/m")).toBe(8192);
    expect(traits.of("org/m").single_tool_calls).toBe(true);
    expect([sizes.seesTools("org/m"), sizes.seesTools("other")]).toEqual([false, null]);
    expect(server.seen.filter(({ path }) => path.startsWith("/upstream"))).toHaveLength(1);
  });

  it("uses Ollama's own routes", async () => {
    const server = await modelServer(({ path }, response) => {
      if (path === "/api/ps") return sendJson(response, 200, { models: [{ name: "m", context_length: 4096 }] });
      if (path === "/v1/models") return sendJson(response, 200, { data: [{ id: "m" }] });
      sendJson(response, 404, { error: "not found" });
    });
    expect(await createContextSize({ server: { url: server.baseUrl }, timeoutMs: 5_000 }).get("m")).toBe(4096);
  });

  it("returns null for a server that is gone, silent, or answers something else", async () => {
    const mute = await modelServer(() => {});
    const odd = await modelServer((_, response) => void response.end("<html>"));
    expect(await createContextSize({ server: { url: mute.baseUrl }, timeoutMs: 20 }).get("m")).toBeNull();
    expect(await createContextSize({ server: { url: odd.baseUrl }, timeoutMs: 5_000 }).get("m")).toBeNull();
    expect(await createContextSize({ server: { url: "http://127.0.0.1:1" }, timeoutMs: 5_000 }).get("m")).toBeNull();
  });

  it("prefers the window from an overflow error to any answer", async () => {
    const server = await modelServer((_, response) =>
      sendJson(response, 200, { data: [{ id: "m", max_model_len: 9 }] }),
    );
    const sizes = createContextSize({ server: { url: server.baseUrl }, timeoutMs: 5_000 });
    sizes.learn("m", 4096);
    expect(await sizes.get("m")).toBe(4096);
    expect(server.seen).toEqual([]);
  });
});
