// Paths inside volumes and on nodes, and the modes of files (k8s.io/kubernetes v1.36 pkg/apis/core/validation).
import { type FieldError, invalid } from '../field.ts';

const MODE = 'must be a number between 0 and 0777 (octal), both inclusive';

/** No part of it is `..`: it never leaves where it starts. */
export function staysInside(path: string, field: string): FieldError[] {
  return path.split('/').includes('..') ? [invalid(field, path, "must not contain '..'")] : [];
}

export function relativePath(path: string, field: string): FieldError[] {
  return [
    ...(path.startsWith('/') ? [invalid(field, path, 'must be a relative path')] : []),
    ...staysInside(path, field),
  ];
}

/** The node keeps names that start with `..` for itself. */
export function unreservedPath(path: string, field: string): FieldError[] {
  const errors = relativePath(path, field);
  if (!path.startsWith('..') || path.startsWith('../')) return errors;
  return [...errors, invalid(field, path, "must not start with '..'")];
}

export function absolutePath(path: string, field: string): FieldError[] {
  return path.startsWith('/') ? [] : [invalid(field, path, 'must be an absolute path')];
}

export function fileMode(mode: number, field: string): FieldError[] {
  return mode >= 0 && mode <= 0o777 ? [] : [invalid(field, mode, MODE)];
}
