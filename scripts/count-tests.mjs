// count-tests.mjs REPORT: prints `N passed, N failed, N skipped` from vitest's JSON report. A test file that did not even load counts
// as one failure, so that a run without tests never looks green.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const unloaded = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + unloaded} failed, ${skipped} skipped`);
