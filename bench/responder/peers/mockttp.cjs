// mockttp with so many stubs; `bare`: requests are not recorded. `node mockttp.cjs COUNT FOLDER [bare]`, what to answer as JSON
// on stdin.
const { getLocal } = require(require.resolve('mockttp', { paths: [process.argv[3]] }));

const count = Number(process.argv[2]);
const bodies = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));

void (async () => {
  const server = getLocal(process.argv[4] === 'bare' ? { recordTraffic: false, suggestChanges: false } : {});
  await server.start();
  // Without a length it closes the connection after each answer.
  const headersOf = (body) => ({
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  });
  for (let n = 0; n < count; n++) {
    const [path, query] = bodies.paths[n].split('?');
    const body = bodies.bodies[n];
    await server.forGet(path).withExactQuery(`?${query}`).thenReply(200, body, headersOf(body));
  }
  console.log(JSON.stringify({ port: server.port }));
})();
