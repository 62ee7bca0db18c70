/**
 * A chart: fetches plotly's script, once for a page, and hands everything on to it.
 *
 * anywidget gives a script two seconds to load, and a widget whose script takes longer never hears
 * anything again. plotly's has 5 MB, so it must not be the one that is waited for.
 */

const PATIENCE_SECONDS = 15;
const MOST_REPEATS = 8;

/** Versions of plotly's script to the promise of their module. */
const scripts = (globalThis.kerasElectraPlotly ??= new Map());

/** The answer to a message: its buffers. Asks again, for a page that finds its kernel anew may lose one. */
function ask(model, kind) {
  return new Promise((resolve) => {
    let left = MOST_REPEATS;
    const hear = (content, buffers) => {
      if (content?.kind !== kind) return;
      model.off("msg:custom", hear);
      clearInterval(repeating);
      resolve(buffers);
    };
    const repeating = setInterval(() => {
      left -= 1;
      if (left <= 0) clearInterval(repeating);
      model.send({ kind });
    }, 1000 * PATIENCE_SECONDS);
    model.on("msg:custom", hear);
    model.send({ kind });
  });
}

async function fetchScript(model) {
  const [script] = await ask(model, "script");
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The module; if the kernel that was asked for it has gone, another chart's is asked. */
async function scriptFor(model) {
  const version = model.get("script_version");
  const known = scripts.get(version);
  if (!known) {
    const own = fetchScript(model);
    scripts.set(version, own);
    own.catch(() => scripts.delete(version));
    return own;
  }
  const late = new Promise((resolve) => setTimeout(resolve, 1000 * PATIENCE_SECONDS));
  const module = await Promise.race([known, late]);
  return module ?? fetchScript(model);
}

async function start(model) {
  const module = await scriptFor(model);
  const widget = module.default();
  await widget.initialize({ model });
  // From here on changes are heard; what came before is in the state, which is sent anew.
  await ask(model, "state");
  return widget;
}

export default () => {
  let started;
  return {
    initialize({ model }) {
      started = start(model);
    },
    async render(context) {
      context.el.textContent = "loading the chart";
      const widget = await started;
      context.el.textContent = "";
      return widget.render(context);
    },
  };
};
