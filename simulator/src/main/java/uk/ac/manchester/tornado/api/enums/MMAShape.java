package uk.ac.manchester.tornado.api.enums;

/** The tile shapes of a tensor-core multiplication, m x n x k. */
public enum MMAShape {
    /** 16-bit inputs. */
    M16N8K16("m16n8k16"),
    /** 8-bit inputs. */
    M16N8K32("m16n8k32");

    private final String ptxName;

    MMAShape(String ptxName) {
        this.ptxName = ptxName;
    }

    /** The shape as PTX instructions spell it. */
    public String getPtxName() {
        return ptxName;
    }
}
