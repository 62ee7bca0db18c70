/** A widget's script as a module; the package's folder has none of Node's own files to say so. */
import fs from "node:fs";

export async function load(name) {
  const file = new URL(`../../widgets/keras_electra_widgets/static/${name}.js`, import.meta.url);
  return import(`data:text/javascript,${encodeURIComponent(fs.readFileSync(file, "utf8"))}`);
}
