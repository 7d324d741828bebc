package shm_test

import (
	"fmt"
	"os"
	"structs"

	"ddc/shm"
)

// counter is a page: both processes see its words at the same offsets.
type counter struct {
	_    structs.HostLayout
	Hits shm.Word64
	Full shm.Word32
	_    [4]byte
}

// One process makes the segment, another inherits its file and opens that. Here
// both are one.
func Example() {
	made, err := shm.Create("counters", 4096)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer made.Close()
	ours, err := shm.View[counter](made, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	inherited, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", made.File().Fd()), os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	opened, err := shm.Open(inherited)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer opened.Close()
	theirs, err := shm.View[counter](opened, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	theirs.Hits.Add(2)
	fmt.Println(ours.Hits.Load())

	_, err = shm.View[counter](opened, 4090)
	fmt.Println(err)
	// Output:
	// 2
	// 1 of shm_test.counter (16 bytes each) at 4090 lie outside a segment of 4096
}
