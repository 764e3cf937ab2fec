import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  hasModelServer,
  hasNoNamesake,
  hasOneLogin,
  type KeySources,
  modelServerEnv,
  modelServersOf,
} from "./model-server-env.ts";
import { echoedSecretsOf, secretsOf, secretsOfProxies } from "./secrets-of.ts";
import { NO_TRAITS } from "./server-traits.ts";

const keys: KeySources = {
  env: (name) => ({ THE_KEY: "secret", BROKEN: "sk\nx" })[name],
  readFile: (path) => {
    if (path === "/empty") return "\n";
    if (path !== "/run/key") throw new Error("no such file");
    return "from a file\n";
  },
};
const Schema = z
  .object(modelServerEnv(keys))
  .refine(...hasModelServer)
  .refine(...hasNoNamesake)
  .refine(...hasOneLogin);
const mistakes = (env: Record<string, string>) =>
  Schema.safeParse(env).error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
const servers = (list: unknown) => ({ MODEL_SERVERS: JSON.stringify(list) });

describe("the environment's model servers", () => {
  it("are one server named default when only LLAMA_SWAP_URL is set", () => {
    const env = Schema.parse({ LLAMA_SWAP_URL: "http://host:8080/v1/\r", LLAMA_SWAP_API_KEY: "k\r" });
    expect(modelServersOf(env)).toEqual([
      {
        name: "default",
        url: "http://host:8080",
        apiKey: "k",
        basicAuth: null,
        headers: {},
        defaultModel: null,
        maxConcurrent: null,
        maxConcurrentPerModel: null,
        contextSize: null,
        roles: null,
        modelRoles: new Map(),
        traits: NO_TRAITS,
      },
    ]);
  });

  it("are several, with keys from variables and files, after the one of LLAMA_SWAP_URL", () => {
    const env = Schema.parse({
      LLAMA_SWAP_URL: "http://local",
      ...servers([
        { name: "a", url: "https://a.example/", api_key_env: "THE_KEY", max_concurrent: 4 },
        { name: "b", url: "https://b.example", api_key_file: "/run/key", quirks: { replay_reasoning: true } },
      ]),
    });
    expect(modelServersOf(env)).toMatchObject([
      { name: "default", url: "http://local" },
      { name: "a", url: "https://a.example", apiKey: "secret", maxConcurrent: 4 },
      { name: "b", apiKey: "from a file", traits: { replay_reasoning: true } },
    ]);
  });

  it("may have extra headers from variables and files, and user and password in the URL", () => {
    const headers = { "x-a": { env: "THE_KEY" }, "x-b": { file: "/run/key" } };
    const [server] = modelServersOf(Schema.parse(servers([{ name: "a", url: "http://u:pass@a/x", headers }])));
    expect(server).toMatchObject({ url: "http://a/x", basicAuth: "u:pass" });
    expect(server?.headers).toEqual({ "x-a": "secret", "x-b": "from a file" });
    expect(server && secretsOf(server)).toEqual(expect.arrayContaining(["pass", "dTpwYXNz", "secret", "from a file"]));
  });

  it("have secrets that are removed from replies, except placeholders for a missing key", () => {
    const known = [
      "sk-abc",
      "ollama",
      "EMPTY",
      "lm-studio",
      "no-key",
      "sk-no-key-required",
      "your-api-key",
      "not-needed",
      "password",
    ];
    const looked = [...known, "sk-proj-a1b2c3d4", "Basic-hunter2-long", "correcthorsebattery"].filter(
      (apiKey) => echoedSecretsOf({ url: "http://a", apiKey }).length > 0,
    );
    expect(looked).toEqual(["sk-proj-a1b2c3d4", "Basic-hunter2-long", "correcthorsebattery"]);
  });

  it("have one login each, and headers that can be sent", () => {
    const url = "http://u:pass@a";
    const login = "a key, user:password@ in the URL and a header Authorization exclude each other";
    const found = mistakes({
      ...servers([
        { name: "a", url, api_key_env: "THE_KEY" },
        { name: "b", url: "http://b", headers: { "x-a": { env: "NOT_SET" }, "x-b": { file: "/gone" } } },
        { name: "c", url: "http://c", headers: { "x-a": "plain-secret" } },
        { name: "d", url: "http://d", headers: { "x a": { env: "THE_KEY" }, Host: { env: "THE_KEY" } } },
        { name: "f", url, headers: { Authorization: { env: "THE_KEY" } } },
        { name: "e", url: "http://e", api_key_env: "BROKEN" },
      ]),
      ...{ LLAMA_SWAP_URL: url, LLAMA_SWAP_API_KEY: "key" },
    });
    expect(found).toEqual([
      expect.stringContaining("2.headers.x-a: "),
      expect.stringContaining("3.headers.x a: "),
      expect.stringContaining("3.headers.Host: "),
      `MODEL_SERVERS: a: ${login}`,
      "MODEL_SERVERS: b: headers.x-a.env names NOT_SET, which is not set",
      "MODEL_SERVERS: b: the file that headers.x-b.file names cannot be read",
      `MODEL_SERVERS: f: ${login}`,
      "MODEL_SERVERS: e: api_key_env holds a character that no header may hold",
      `LLAMA_SWAP_API_KEY: ${login}`,
    ]);
    expect(found?.join()).not.toMatch(/plain-secret|pass@/);
  });

  it("may be set with blanks, carriage returns and a byte order mark, and without a scheme for a proxy", () => {
    const entry = {
      name: " a\r",
      url: " http://a/x \r",
      api_key_env: "THE_KEY\r",
      headers: { " x-a\r": { env: " THE_KEY" } },
    };
    const env = Schema.parse({
      MODEL_SERVERS: `\ufeff ${JSON.stringify([{ ...entry, default_model: "m\r" }])}\r\n`,
      ...{ DEFAULT_MODEL: "a/m\r", HTTP_PROXY: "proxy.example:3128\r", HTTPS_PROXY: " http://u:p@proxy.example" },
    });
    expect(env).toMatchObject({ DEFAULT_MODEL: "a/m", HTTP_PROXY: "http://proxy.example:3128" });
    const withLogin = Schema.parse({ LLAMA_SWAP_URL: "http://a", HTTP_PROXY: "ada:proxy-pass@proxy.example" });
    expect(secretsOfProxies(withLogin)).toContain("proxy-pass");
    expect(modelServersOf(env)).toMatchObject([
      { name: "a", url: "http://a/x", apiKey: "secret", headers: { "x-a": "secret" }, defaultModel: "m" },
    ]);
    expect(mistakes({ LLAMA_SWAP_URL: "http://a", HTTP_PROXY: "socks5://proxy" })).toHaveLength(1);
  });

  it("take their model from an Azure URL, and keep a key in a query secret", () => {
    const url = "https://a.example/openai/deployments/gpt/chat/completions?api-version=2024-10-21&api-key=query-secret";
    const [azure, named] = modelServersOf(
      Schema.parse(
        servers([
          { name: "a", url },
          { name: "b", url, default_model: "other" },
        ]),
      ),
    );
    expect([azure?.defaultModel, named?.defaultModel]).toEqual(["gpt", "other"]);
    expect(azure && secretsOf(azure)).toEqual(["query-secret"]);
  });

  it.each([
    [
      "key apikey api_key subscription-key accessKey X-Amz-Signature sig code access_token authToken client_secret password",
      true,
    ],
    ["encoding design tokens tokenizer unicode author keyboard api-version passage", false],
  ])("parameters named %s: secret is %s", (names, areSecret) => {
    for (const name of names.split(" ")) {
      const address = { url: `http://a.example/v1?${name}=some-value`, apiKey: null, basicAuth: null, headers: {} };
      expect([name, secretsOf(address)]).toEqual([name, areSecret ? ["some-value"] : []]);
    }
  });

  it("are rejected without quoting the text when it is not JSON", () => {
    for (const text of ['[{"name":"a","api_key":"sk-secret",}]', "[sk-secret]", '"sk-secret', "{'a':'sk-secret'}"]) {
      const [mistake] = mistakes({ MODEL_SERVERS: text }) ?? [];
      expect(mistake).toMatch(/^MODEL_SERVERS: is not JSON/);
      expect(mistake).not.toContain("sk-");
    }
  });

  it("are required", () => {
    expect(mistakes({})).toEqual(["LLAMA_SWAP_URL: is required, or MODEL_SERVERS"]);
  });

  it("are rejected with every mistake, each with its path, and no message quotes a key", () => {
    const wrong = servers([
      { name: "with space", url: "ftp://x" },
      { name: "b", url: "http://b", key: "sk-secret", max_concurrent: 0 },
      { name: "b", url: "http://b", api_key_env: "NOT_SET" },
    ]);
    const found = mistakes({ ...wrong, LLAMA_SWAP_URL: "nonsense" }) ?? [];
    expect(found).toHaveLength(7);
    expect(found).toEqual([
      expect.stringMatching(/^MODEL_SERVERS: 0\.name: must be 1 to 40/),
      expect.stringMatching(/^MODEL_SERVERS: 0\.url: must be a URL/),
      expect.stringMatching(/^MODEL_SERVERS: 1\.max_concurrent: /),
      expect.stringMatching(/^MODEL_SERVERS: 1: .*key/),
      "MODEL_SERVERS: two servers are named b",
      "MODEL_SERVERS: b: api_key_env names NOT_SET, which is not set",
      expect.stringMatching(/^LLAMA_SWAP_URL: must be a URL/),
    ]);
    expect(found.join()).not.toContain("sk-secret");
  });

  it("are rejected for missing keys, duplicate names and invalid JSON", () => {
    const url = "http://x";
    const found = mistakes(
      servers([
        { name: "a", url, api_key_env: "NOT_SET" },
        { name: "a", url, api_key_file: "/gone" },
        { name: "c", url, api_key_env: "THE_KEY", api_key_file: "/run/key" },
        { name: "d", url, api_key_file: "/empty" },
      ]),
    );
    expect(found).toEqual([
      "MODEL_SERVERS: two servers are named a",
      "MODEL_SERVERS: a: api_key_env names NOT_SET, which is not set",
      "MODEL_SERVERS: a: the file that api_key_file names cannot be read",
      "MODEL_SERVERS: c: api_key_env and api_key_file exclude each other",
      "MODEL_SERVERS: d: the file that api_key_file names is empty",
    ]);
    expect(mistakes({ MODEL_SERVERS: "[" })).toEqual([expect.stringContaining("is not JSON")]);
    expect(mistakes({ MODEL_SERVERS: "{}" })).toEqual([expect.stringContaining("expected array")]);
    expect(mistakes(servers(["a", null]))).toHaveLength(2);
    expect(mistakes({ MODEL_SERVERS: "[]" })).toEqual(["MODEL_SERVERS: must name at least one server"]);
    expect(mistakes({ LLAMA_SWAP_URL: url, ...servers([{ name: "default", url }]) })).toEqual([
      expect.stringContaining("names a server default"),
    ]);
  });
});
