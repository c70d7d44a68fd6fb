/**
 * Preloaded (`node --import`) into a server that a test forks: asks it to end
 * when the test process is gone, which closes the channel between the two.
 */
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
