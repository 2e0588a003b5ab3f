// The address a service listened on, where a message of an exchange names it: a service that is configured with its own address
// writes that into links, whatever Host its clients send. Only the recording knows it: in a replay it is another one. Pure.

/** Of a connection, as a pair has it. */
interface Server {
  ip: string;
  port: number;
}

const HOST = /\["host","([^"]*)"\]/i;
/** The claims of a JWT: who issued it may be named there alone. */
const CLAIMS = /(?<![\w-])eyJ[\w-]+\.(eyJ[\w-]+)\./g;

/** `message`: request and answer as JSON. Undefined when they do not name it, or only as the Host, which is known. */
export function ownAddress({ ip, port }: Server, message: string): string | undefined {
  const host = HOST.exec(message)?.[1];
  const texts = [message, ...claimsIn(message)];
  const says = (name: string) => texts.some((text) => isNamed(text, name));
  const names = /^127\.|^::1$/.test(ip) ? [ip, 'localhost'] : [ip];
  return names
    .map((name) => `${name}:${port}`)
    .find((name) => name !== host && (says(name) || says(name.replace(':', '%3A'))));
}

function claimsIn(message: string): string[] {
  if (!message.includes('.eyJ')) return [];
  return [...message.matchAll(CLAIMS)].map(([, claims]) => Buffer.from(claims!, 'base64url').toString());
}

/** Whole: `10.1.2.3:80` is not named by `10.1.2.3:8080`. */
function isNamed(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1))
    if (!/[\w.-]/.test(text[at - 1] ?? '') && !/\d/.test(text[at + name.length] ?? '')) return true;
  return false;
}
