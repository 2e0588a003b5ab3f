// The address a service listened on, where a message of an exchange names it: a service that is configured with its own address
// writes that into links, whatever Host its clients send. Only the recording knows it: in a replay it is another one. Pure.

/** Of a connection, as a pair has it. */
interface Server {
  ip: string;
  port: number;
}

const HOST = /\["host","([^"]*)"\]/i;

/** `message`: request and answer as JSON. Undefined when they do not name it, or only as the Host, which is known. */
export function ownAddress({ ip, port }: Server, message: string): string | undefined {
  const host = HOST.exec(message)?.[1];
  const names = /^127\.|^::1$/.test(ip) ? [ip, 'localhost'] : [ip];
  return names
    .map((name) => `${name}:${port}`)
    .find((name) => name !== host && (isNamed(message, name) || isNamed(message, name.replace(':', '%3A'))));
}

/** Whole: `10.1.2.3:80` is not named by `10.1.2.3:8080`. */
function isNamed(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1))
    if (!/[\w.-]/.test(text[at - 1] ?? '') && !/\d/.test(text[at + name.length] ?? '')) return true;
  return false;
}
