import { WebSocket } from "ws";
import { nowUs } from "../stamp.ts";

/** Opens a WebSocket and waits for its first message. @returns closes it */
export function openSocket(
  { url, headers }: { url: string; headers: Record<string, string> },
  onText: (text: string, atUs: number) => void,
): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    socket.on("message", (data: Buffer) => {
      const at = nowUs();
      onText(data.toString("latin1"), at);
    });
    socket.once("message", () => resolve(() => socket.terminate()));
    socket.once("error", reject).once("close", (code) => reject(new Error(`${url} closed with ${code}`)));
  });
}
