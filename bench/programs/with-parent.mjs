/** To be imported before a program: it is asked to end when the process that started it has ended, however that was. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Listening must not keep a process that has nothing else to do.
process.channel?.unref();
