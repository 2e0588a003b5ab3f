// Loaded into a forwarder before its program: while the file named by STOP_IN_RECALL is there, the process stands still by
// itself, as by SIGSTOP, when it has noted so many bytes of what a recall brings back in this life. However fast the recall
// is and however slow who waits for the moment, it is in the middle of it then.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { STOP_IN_RECALL: file, STOP_AFTER_BYTES: bytes } = process.env;
const append = fs.promises.appendFile;
let noted = 0;

fs.promises.appendFile = async (path, data, options) => {
  await append(path, data, options);
  if (!String(path).endsWith('.recalled')) return;
  noted += String(data).length;
  if (noted > Number(bytes) && fs.existsSync(file!)) process.kill(process.pid, 'SIGSTOP');
};
syncBuiltinESMExports();
