// Loaded into a server under load: collects garbage when its parent says so, and says when that is done.
process.on('message', async () => {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    // Finalisers of buffers outside of the heap run in a turn of their own.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.send?.('collected');
});
// The channel alone keeps no process up.
process.channel?.unref();
