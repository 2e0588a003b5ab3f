// Where the script of a thread is: beside the program, in a bundle as JavaScript.

/** `name`: of a script in this folder, without its ending. */
export function threadScript(name: string): URL {
  const { url } = import.meta;
  return new URL(`./${name}.${url.endsWith('.ts') ? 'ts' : 'js'}`, url);
}
