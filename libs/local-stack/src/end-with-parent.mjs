// Loaded before a process's own code. A killed parent cannot stop its children, but its death closes the IPC channel; then
// the process sends itself SIGTERM.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
