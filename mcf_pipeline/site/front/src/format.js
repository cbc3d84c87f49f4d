// Numbers and words as French readers write them.

const whole = new Intl.NumberFormat("fr-FR", { maximumFractionDigits: 0 });
const cache = new Map();

function fixed(digits) {
  if (!cache.has(digits)) {
    cache.set(digits, new Intl.NumberFormat("fr-FR", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return cache.get(digits);
}

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const NONE = "n. d.";

// A true minus sign, as typesetters write it.
const minus = (text) => text.replace("-", "−");

export function count(value) {
  return known(value) ? minus(whole.format(value)) : NONE;
}

export function decimal(value, digits = 1) {
  return known(value) ? minus(fixed(digits).format(value)) : NONE;
}

// An amount in euros: whole euros below ten thousand, else k€, M€ or Md€ with one decimal.
export function euros(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${decimal(value / 1e9, size >= 1e10 ? 1 : 2)}\u00a0Md€`;
  if (size >= 1e6) return `${decimal(value / 1e6)}\u00a0M€`;
  if (size >= 1e4) return `${decimal(value / 1e3)}\u00a0k€`;
  return `${count(value)}\u00a0€`;
}

// Euros on an axis: no more decimals than its ticks need.
export function eurosShort(value) {
  return euros(value).replace(/,0+(?=.(M|k|Md)€)/, "");
}

export function short(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e6) return `${decimal(value / 1e6)}\u00a0M`;
  if (size >= 1e4) return `${count(value / 1e3)}\u00a0k`;
  if (size >= 1e3) return `${decimal(value / 1e3)}\u00a0k`;
  return count(value);
}

export function millions(value) {
  return known(value) && Math.abs(value) >= 1e6 ? `${decimal(value / 1e6, 2)}\u00a0M` : count(value);
}

export function percent(value, digits = 1) {
  return known(value) ? `${decimal(value * 100, digits)}\u00a0%` : NONE;
}

export function signedPercent(value, digits = 1) {
  return known(value) ? `${value > 0 ? "+" : ""}${percent(value, digits)}` : NONE;
}

export function signed(value, format = count) {
  return known(value) ? `${value > 0 ? "+" : ""}${format(value)}` : NONE;
}

// A pair of bounds in one text; one figure where both read the same.
export function range([low, high], format) {
  if (!known(low) || !known(high)) return NONE;
  const from = format(low);
  const to = format(high);
  if (from === to) return from;
  // A unit that both share is written once.
  const unit = /[^\d]*$/.exec(to)[0];
  return `${unit && from.endsWith(unit) ? from.slice(0, -unit.length) : from} à ${to}`;
}

// A share in bounds: one that is small but not nothing is never written as 0,0 %.
export function shareRange([low, high], digits = 1) {
  const least = 10 ** -(digits + 2);
  if (known(high) && high > 0 && high < least / 2) return `moins de ${percent(least, digits)}`;
  if (known(low) && low > 0 && low < least / 2) return `au plus ${percent(high, digits)}`;
  return range([low, high], (value) => percent(value, digits));
}

export function day(iso) {
  if (!iso) return "";
  return new Date(`${iso.slice(0, 10)}T12:00:00Z`).toLocaleDateString("fr-FR", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
}

export function plural(number, one, many) {
  return `${count(number)} ${Math.abs(number) < 2 ? one : many}`;
}
