// As much of a browser as modules ask for when they are loaded.
Object.assign(globalThis, {
  matchMedia: () => ({ matches: false, addEventListener() {} }),
  location: { hash: "", href: "http://127.0.0.1/", pathname: "/" },
});
