#!/usr/bin/env node
// Plain old JavaScript on purpose: a Node that is too old must still be able to parse this file and say so.
var floor = 24;
var found = Number(process.versions.node.split(".")[0]);

if (found < floor) {
  process.stderr.write(
    "parley needs Node " +
      floor +
      " or newer, found " +
      process.versions.node +
      ". In a checkout, `npm ci && npm start` brings a fitting Node along.\n",
  );
  process.exit(1);
}

// Half of a start is compiling, so Node keeps what it compiled between starts; NODE_DISABLE_COMPILE_CACHE=1 forbids it.
//
// A checkout runs the sources as they are; a published package has only their JavaScript, because Node does not strip
// types below node_modules.
Promise.all([import("node:fs"), import("node:module")])
  .then(function (modules) {
    var source = new URL("../src/cli/main.ts", import.meta.url);
    modules[1].enableCompileCache();
    return import(modules[0].existsSync(source) ? source.href : new URL("../dist/cli/main.js", import.meta.url).href);
  })
  .catch(function (error) {
    process.stderr.write(String((error && error.stack) || error) + "\n");
    process.exit(1);
  });
