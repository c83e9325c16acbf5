/** A real sentence encoder, all-MiniLM-L6-v2, in plain Java around this library's attention. */
package io.github.tornadoattention.bench.minilm;
