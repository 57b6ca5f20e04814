// What expressions may call and name without declaring it: the standard library of the Common Expression Language, and the
// libraries that upstream adds (k8s.io/apiserver v0.36 pkg/cel/environment/base.go). Overloads are not told apart.

const STANDARD = `bool bytes contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours
getMilliseconds getMinutes getMonth getSeconds int matches size startsWith string timestamp type uint`;
const OPTIONALS = 'hasValue optional.none optional.of optional.ofNonZeroValue or orValue unwrap unwrapOpt value';
const STRINGS = `charAt format indexOf join lastIndexOf lowerAscii replace reverse split strings.quote substring trim upperAscii`;
const LISTS = `distinct first flatten isSorted last lists.range max min slice sort sum`;
const SETS = 'sets.contains sets.equivalent sets.intersects';
const URLS = 'getEscapedPath getHost getHostname getPort getQuery getScheme isURL url';
const REGEX = 'find findAll';
const QUANTITIES = `add asApproximateFloat asInteger compareTo isGreaterThan isInteger isLessThan isQuantity quantity sign sub`;
const ADDRESSES = `cidr containsCIDR containsIP family ip ip.isCanonical isCIDR isGlobalUnicast isIP isLinkLocalMulticast
isLinkLocalUnicast isLoopback isUnspecified masked prefixLength`;
const FORMATS = `format.byte format.date format.datetime format.dns1035Label format.dns1035LabelPrefix format.dns1123Label
format.dns1123LabelPrefix format.dns1123Subdomain format.dns1123SubdomainPrefix format.labelValue format.named format.qualifiedName
format.uri format.uuid validate`;
const VERSIONS = 'isSemver major minor patch semver';
const ACCESS = `allowed check error errored fieldSelector group labelSelector name namespace path reason resource serviceAccount
subresource`;
const PATCHES = 'jsonpatch.escapeKey';

const words = (...lists: readonly string[]): ReadonlySet<string> => new Set(lists.flatMap((list) => list.split(/\s+/)));

/** Under a namespace with its whole path; those that are called on something by their last name. */
export const FUNCTIONS: ReadonlySet<string> = words(
  ...[
    STANDARD,
    OPTIONALS,
    STRINGS,
    LISTS,
    SETS,
    URLS,
    REGEX,
    QUANTITIES,
    ADDRESSES,
    FORMATS,
    VERSIONS,
    ACCESS,
    PATCHES,
  ],
);

/** Functions whose answer is true or false, whatever they are called with. */
export const PREDICATES: ReadonlySet<string> = words(
  'allowed bool contains containsCIDR containsIP endsWith errored hasValue ip.isCanonical isCIDR isGlobalUnicast isGreaterThan isIP',
  'isInteger isLessThan isLinkLocalMulticast isLinkLocalUnicast isLoopback isQuantity isSemver isSorted isURL isUnspecified matches',
  'sets.contains sets.equivalent sets.intersects startsWith',
);

/** Names of types, which are values too. */
export const TYPES: ReadonlySet<string> = words(
  'bool bytes double dyn google.protobuf.Duration google.protobuf.Timestamp int list map net.CIDR net.IP null_type string type uint',
);

/** Macros called on a list or map: how many of their first arguments are names that they declare. */
export function declaredBy(macro: string, count: number): number | undefined {
  switch (macro) {
    case 'all':
    case 'exists':
    case 'exists_one':
    case 'existsOne':
      return count === 2 || count === 3 ? count - 1 : undefined;
    case 'filter':
    case 'optMap':
    case 'optFlatMap':
    case 'sortBy':
      return count === 2 ? 1 : undefined;
    case 'map':
      return count === 2 || count === 3 ? 1 : undefined;
    case 'transformList':
    case 'transformMap':
    case 'transformMapEntry':
      return count === 3 || count === 4 ? 2 : undefined;
    default:
      return undefined;
  }
}
