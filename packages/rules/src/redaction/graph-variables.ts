// The variables of a GraphQL operation: `$password: String!` declares one, and `password: $password` says where it goes. Neither is a
// value; the values are sent beside the text, and are judged there. Only in a text that is an operation, and of variables that it
// declares: a password may begin with a dollar sign.

const OPERATION = /^\s*(?:query|mutation|subscription|fragment)\b[^{]{0,4096}\{/;
const VARIABLE = /^\$[A-Za-z_]\w{0,63}$/;
const TYPE = /^\[*[A-Za-z_]\w{0,63}!?$/;

/** Whether a text is an operation, or begins with one. */
export function isGraphOperation(text: string): boolean {
  return OPERATION.test(text);
}

/** Whether what is assigned at `sign` of an operation is the type of a variable, or a variable that the operation declares. */
export function isGraphVariable(text: string, sign: number, written: string): boolean {
  if (VARIABLE.test(written)) return new RegExp(`\\${written}\\s*:`).test(text);
  // Types have a capital, or stand before what is asked for.
  const isType = TYPE.test(written) && (/^\[*[A-Z]/.test(written) || sign < text.indexOf('{'));
  return isType && /\$[A-Za-z_]\w{0,63}\s{0,4}$/.test(text.slice(Math.max(0, sign - 72), sign));
}
