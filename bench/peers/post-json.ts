import { Agent, request } from "node:http";

/** Kept alive and unbounded, so that the load generator never waits for a connection. */
export const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 4_096 });

/** Less CPU time than `fetch`. @throws when the answer is not a success */
export function postJson<T>(url: string, body: object, headers: Record<string, string> = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers: { "content-type": "application/json", ...headers } });
    sent.on("error", reject).on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part)).on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text || "null") as T);
        else reject(new Error(`${url}: ${response.statusCode} ${text.slice(0, 300)}`));
      });
    });
    sent.end(JSON.stringify(body));
  });
}
