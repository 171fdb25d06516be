// offline.mjs SOCKET PORT COMMAND…: runs a command in a network namespace without any network, where PORT of 127.0.0.1 leads
// through a Unix socket, which namespaces don't hold up, to the same port outside.
import { spawn } from 'node:child_process';
import net from 'node:net';

const [socket, port, command, ...args] = process.argv.slice(2);
const pass = (here) => {
  const there = net.connect(socket);
  for (const [from, to] of [[here, there], [there, here]]) from.on('error', () => to.destroy()).on('close', () => to.destroy());
  here.pipe(there).pipe(here);
};
net.createServer(pass).listen(Number(port), '127.0.0.1', () => {
  const child = spawn(command, args, { stdio: 'inherit' });
  child.on('exit', (code, signal) => process.exit(signal ? 128 : code));
});
