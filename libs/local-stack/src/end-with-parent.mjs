// Loaded into each process before its own code: a parent that was killed stops nobody, but its end closes the channel, and
// then this process is asked to stop as the parent would have asked it.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
