import { createConnection, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AbstractConnector, type RedisOptions } from "ioredis";

/**
 * Connects to the host and port of the options, as ioredis does. But a TLS socket can emit a second error, an alert that arrives
 * after the certificate was refused. ioredis 6 listens for one error only, and the other would end the process.
 */
export class DirectConnector extends AbstractConnector {
  private readonly options: RedisOptions;

  constructor(options: unknown) {
    super((options as { disconnectTimeout: number }).disconnectTimeout);
    this.options = options as RedisOptions;
  }

  protected address(): { host: string; port: number } {
    return { host: this.options.host ?? "localhost", port: this.options.port ?? 6379 };
  }

  override async connect(): Promise<Socket> {
    this.connecting = true;
    const { tls, family } = this.options;
    const to = { ...this.address(), ...(family && { family }) };
    const stream = tls ? connectTls({ ...to, ...tls }) : createConnection(to);
    this.stream = stream;
    stream.on("error", (error) => {
      this.firstError ??= error;
    });
    return stream;
  }
}
