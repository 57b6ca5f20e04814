// The numbers of DNS that we speak (IANA "Domain Name System Parameters").

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  NULL: 10,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export type Rcode = (typeof RCODE)[keyof typeof RCODE];

export const CLASS_IN = 1;

/** Bits of the header's second word (RFC 1035 section 4.1.1, RFC 4035 section 3). */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, CD: 0x0010 } as const;
/** The opcode's place in that word; 0 is a standard query. */
export const OPCODE_MASK = 0x7800;

export const HEADER_BYTES = 12;
/** An OPT record without options. */
export const OPT_BYTES = 11;
/** What a client takes over UDP when it says nothing else (RFC 1035 section 2.3.4). */
export const PLAIN_UDP_BYTES = 512;
export const MAX_MESSAGE_BYTES = 65_535;
/** The longest name on the wire, the root's empty label included (RFC 1035 section 2.3.4). */
export const MAX_NAME_BYTES = 255;
export const MAX_LABEL_BYTES = 63;
