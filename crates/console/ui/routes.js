// Where one is: the part of the address after `#`, so that every view has a link and
// any address in front of the console works.

/** The view that the address names: `#/activity/ID?trigger=x`. */
export function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  return { parts, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The link of a view. */
export function link(parts, query = {}) {
  const path = [parts].flat().map(encodeURIComponent).join("/");
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

/** Goes to a view. */
export function go(parts, query) {
  location.hash = link(parts, query);
}

/** Changes what the address says of the view that is shown, without leaving it. */
export function note(parts, query) {
  history.replaceState(null, "", link(parts, query));
}
