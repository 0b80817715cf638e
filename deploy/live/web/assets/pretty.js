// Indents JSON without parsing its values: a number such as 27.0 or 1e400 stays as it was sent.

/** Return an indented JSON text, or null if the text is no JSON. */
export function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let [shown, depth] = ["", 0];
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      depth += 1;
      shown += token + (next === "}" || next === "]" ? "" : line());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      shown += (/[[{]/.test(tokens[index - 1] ?? "") && tokens[index - 1].length === 1 ? "" : line()) + token;
    } else if (token === ",") shown += `,${line()}`;
    else shown += token === ":" ? ": " : token;
  });
  return shown;
}
