// Schemas are checked without compiled code, so that a content security policy need not allow `eval`. Imported first:
// a schema decides when it is made.
import { config } from 'zod';

config({ jitless: true });
