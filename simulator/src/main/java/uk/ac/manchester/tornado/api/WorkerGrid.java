package uk.ac.manchester.tornado.api;

/** How many work-items a kernel runs with, and how they are grouped. Arrays hold x, y and z. */
public interface WorkerGrid {

    /** 1, 2 or 3. */
    int dimension();

    /** Work-items in all. */
    long[] getGlobalWork();

    /** Work-items of a group, or null if the runtime may choose. */
    long[] getLocalWork();

    /** Groups, or null if the runtime chooses the group's size. */
    long[] getNumberOfWorkgroups();

    /** The first global index. */
    long[] getGlobalOffset();

    /** Sets the work-items in all. */
    void setGlobalWork(long x, long y, long z);

    /** Sets the work-items of a group. */
    void setLocalWork(long x, long y, long z);

    /** Forgets the number of groups. */
    void setNumberOfWorkgroupsToNull();

    /** Leaves the group's size to the runtime. */
    void setLocalWorkToNull();

    /** Sets the first global index. */
    void setGlobalOffset(long x, long y, long z);
}
