// Unpacks what mcf_pipeline/site/encoding.py packed: one typed array per column, NaN where the source is masked.

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function columnsOf(bytes, layout) {
  const columns = {};
  let offset = 0;
  for (const { name, lines, bytes: width } of layout) {
    const codes = bytes.subarray(offset, offset + lines);
    offset += lines;
    let kept = 0;
    for (let i = 0; i < lines; i += 1) if (codes[i] === 2) kept += 1;
    const values = new Float64Array(lines);
    for (let i = 0, k = 0; i < lines; i += 1) {
      if (codes[i] === 0) values[i] = NaN;
      else if (codes[i] === 2) {
        let value = 0;
        for (let plane = width - 1; plane >= 0; plane -= 1) value = value * 256 + bytes[offset + plane * kept + k];
        values[i] = value % 2 ? -(value + 1) / 2 : value / 2;
        k += 1;
      }
    }
    offset += kept * width;
    columns[name] = values;
  }
  return columns;
}

// The order in which cube.py wrote the lines is: visible ones, then masked ones. Here they are put back.
function ordered(values, masked) {
  const count = values.length;
  const result = new Float64Array(count);
  let visible = 0;
  let hidden = 0;
  for (let i = 0; i < count; i += 1) if (!masked[i]) hidden += 1;
  for (let i = 0; i < count; i += 1) {
    if (masked[i]) result[i] = values[hidden++];
    else result[i] = values[visible++];
  }
  return result;
}

function codesOf(differences, dimensions) {
  const names = Object.keys(dimensions).filter((name) => dimensions[name].length);
  const count = differences.length;
  const codes = Object.fromEntries(Object.keys(dimensions).map((name) => [name, new Uint16Array(count)]));
  const last = names.slice().reverse();
  let key = 0;
  for (let i = 0; i < count; i += 1) {
    key += differences[i];
    let rest = key;
    for (const name of last) {
      const size = dimensions[name].length;
      const code = rest % size;
      codes[name][i] = code;
      rest = (rest - code) / size;
    }
  }
  return codes;
}

const SUMMED = [{ id: "tous", libelle: "Tous (non détaillé)", est_connue: true }];

export async function load() {
  const meta = JSON.parse(document.getElementById("meta").textContent);
  const packed = document.getElementById("figures").textContent.trim();
  const raw = columnsOf(await inflate(packed), meta.layout);
  const history = {};
  const lines = {};
  for (const [name, values] of Object.entries(raw)) {
    if (/^[er]_/.test(name)) history[name] = values;
    else if (name === "masque") lines.masque = values; // in the order of the keys already
    else if (name !== "cle") lines[name] = ordered(values, raw.masque);
  }
  const codes = codesOf(raw.cle, meta.dimensions);
  const count = raw.cle.length;
  const { nb_dossiers: dossiers, nb_titulaires: people, duree_connue: timed, montant: amount, prix: price } = lines;
  const main = "part_france_competences";
  const others = meta.financers.map((row) => `part_${row.id}`).filter((name) => name !== main);
  for (let i = 0; i < count; i += 1) {
    const visible = dossiers[i] || 0;
    people[i] = visible - people[i];
    timed[i] = visible - timed[i];
    amount[i] += Math.floor(((price[i] || 0) * visible * 100) / meta.scales.prix);
    if (lines[main]) {
      let rest = amount[i] || 0;
      for (const name of others) rest -= lines[name][i] || 0;
      lines[main][i] = rest - lines[main][i];
    }
  }
  for (const name of Object.keys(meta.dimensions)) if (!meta.dimensions[name].length) meta.dimensions[name] = SUMMED;
  meta.dimensions.trimestre.forEach((row) => {
    row.court = row.id;
    row.index = row.annee * 4 + row.trimestre - 1;
  });
  return { meta, count, codes, lines, history, dimensions: meta.dimensions };
}
