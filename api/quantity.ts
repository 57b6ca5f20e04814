// Resource quantities: `100m`, `1.5Gi`, `2e3`. Exact down to 10^-9, in the canonical form that clients see
// (k8s.io/apimachinery v0.36 pkg/api/resource/quantity.go).

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const NANO = 1_000_000_000n;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?((?:[KMGTPE]i)|[numkMGTPE]|(?:[eE][+-]?\d+))?$/;
const WORDS = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export class Quantity {
  /** The value in units of 10^-9. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;

  constructor(nanos: bigint, format: QuantityFormat) {
    this.nanos = nanos;
    this.format = format;
  }

  /** Rounded up, away from zero. */
  get value(): number {
    return Number(ceilDivide(this.nanos, NANO));
  }

  /** Thousandths, rounded up: how CPU is counted. */
  get milliValue(): number {
    return Number(ceilDivide(this.nanos, 1_000_000n));
  }

  /** Negative, zero or positive, as `this` is less than, equal to or greater than `other`. */
  compare(other: Quantity): number {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0;
  }

  /** The sum keeps this quantity's format, or the other's when this is zero. */
  add(other: Quantity): Quantity {
    return new Quantity(this.nanos + other.nanos, this.nanos === 0n ? other.format : this.format);
  }

  subtract(other: Quantity): Quantity {
    return new Quantity(this.nanos - other.nanos, this.nanos === 0n ? other.format : this.format);
  }

  /** Canonical: the largest suffix that leaves a whole number. */
  toString(): string {
    if (this.nanos === 0n) return '0';
    if (this.format === 'BinarySI' && (this.nanos >= 1024n * NANO || this.nanos <= -1024n * NANO))
      return this.#binary();
    return this.#decimal();
  }

  #binary(): string {
    if (this.nanos % NANO !== 0n) return this.#decimal();
    let whole = this.nanos / NANO;
    let suffix = 0;
    while (suffix < BINARY.length - 1 && whole % 1024n === 0n) {
      whole /= 1024n;
      suffix += 1;
    }
    return `${whole}${BINARY[suffix]}`;
  }

  #decimal(): string {
    let mantissa = this.nanos;
    let suffix = 0;
    while (suffix < DECIMAL.length - 1 && mantissa % 1000n === 0n) {
      mantissa /= 1000n;
      suffix += 1;
    }
    if (this.format !== 'DecimalExponent') return `${mantissa}${DECIMAL[suffix]}`;
    const exponent = (suffix - 3) * 3;
    return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
  }
}

/** Throws QuantityError. Digits beyond 10^-9 round up, away from zero. */
export function parseQuantity(text: string): Quantity {
  const match = SHAPE.exec(text);
  if (!match || (match[2] === '' && !match[3])) throw new QuantityError(WORDS);
  const [, sign, whole, fraction = '', suffix = ''] = match;
  const { factor, exponent, format } = scaleOf(suffix);
  const digits = BigInt(whole + fraction || '0') * factor * NANO;
  const power = exponent - fraction.length;
  const nanos = power >= 0 ? digits * 10n ** BigInt(power) : ceilDivide(digits, 10n ** BigInt(-power));
  return new Quantity(sign === '-' ? -nanos : nanos, format);
}

function scaleOf(suffix: string): { factor: bigint; exponent: number; format: QuantityFormat } {
  const binary = BINARY.indexOf(suffix);
  if (suffix !== '' && binary > 0) return { factor: 1024n ** BigInt(binary), exponent: 0, format: 'BinarySI' };
  const decimal = DECIMAL.indexOf(suffix);
  if (decimal >= 0) return { factor: 1n, exponent: (decimal - 3) * 3, format: 'DecimalSI' };
  return { factor: 1n, exponent: Math.max(-64, Math.min(64, Number(suffix.slice(1)))), format: 'DecimalExponent' };
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return dividend > 0n ? quotient + 1n : quotient - 1n;
}
