package io.github.tornadoattention.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;

/**
 * Which keys a query sees, and so which tiles are visited: query i sees key j iff {@code i + diagonal - left <= j <= i + diagonal
 * + right} and j is below the batch entry's key length. Causal and sliding-window attention are both bands.
 */
final class Band {
    private Band() {
    }

    /** First key that any query from {@code query} on sees. */
    static int firstKey(int options, int query, int diagonal, int left) {
        return (options & Options.BAND) == 0 ? 0 : TornadoMath.max(0, query + diagonal - left);
    }

    /** One past the last key that any query up to {@code query} sees. */
    static int endKey(int options, int query, int diagonal, int right, int keyLength) {
        return (options & Options.BAND) == 0 ? keyLength : TornadoMath.min(keyLength, query + diagonal + right + 1);
    }

    /** First query that sees any key from {@code key} on. */
    static int firstQuery(int options, int key, int diagonal, int right) {
        return (options & Options.BAND) == 0 ? 0 : TornadoMath.max(0, key - diagonal - right);
    }

    /** One past the last query that sees any key up to {@code key}. */
    static int endQuery(int options, int key, int diagonal, int left, int seqQ) {
        return (options & Options.BAND) == 0 ? seqQ : TornadoMath.min(seqQ, key - diagonal + left + 1);
    }

    /**
     * 1 if every query of {@code [query, queryLast]} sees every key of {@code [key, keyEnd)}, so that the tile needs no tests.
     */
    static int whole(int options, int query, int queryLast, int key, int keyEnd, int diagonal, int left,
            int right, int keyLength) {
        int inside = keyEnd <= keyLength ? 1 : 0;
        if ((options & Options.BAND) != 0) {
            inside = inside != 0 && key >= queryLast + diagonal - left && keyEnd - 1 <= query + diagonal + right ? 1 : 0;
        }
        return inside;
    }

    /** 1 if the query sees the key. */
    static int sees(int options, int query, int key, int diagonal, int left, int right, int keyLength) {
        int seen = key < keyLength ? 1 : 0;
        if ((options & Options.BAND) != 0) {
            int distance = key - query - diagonal;
            seen = seen != 0 && distance >= -left && distance <= right ? 1 : 0;
        }
        return seen;
    }
}
