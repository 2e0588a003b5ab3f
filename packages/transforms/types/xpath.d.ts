// The part of `xpath` that is used. The package's own declarations bring the browser's types into every file.
declare const xpath: {
  /** A `select` that knows these prefixes; it throws when the expression is no XPath. */
  useNamespaces(namespaces: Record<string, string>): (expression: string, node: unknown) => unknown;
};
export default xpath;
