/**
 * Exact attention as a library: {@link io.github.tornadoattention.host.AttentionSpec} says what to compute,
 * {@link io.github.tornadoattention.host.Attention} computes it on a {@link io.github.tornadoattention.host.Backend}.
 *
 * <pre>{@code
 * AttentionSpec spec = AttentionSpec.builder(batch, heads, seqQ, headDim).kvHeads(2).seqK(4096).causal().build();
 * try (Attention attention = Attention.on(Backend.auto(), spec)) {
 *     Forward f = attention.forward(q, k, v);          // f.out(), f.lse()
 *     Gradients g = attention.backward(dOut, f);       // g.dq(), g.dk(), g.dv()
 * }
 * }</pre>
 */
@NullMarked
package io.github.tornadoattention.host;

import org.jspecify.annotations.NullMarked;
