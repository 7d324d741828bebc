package template

import "fmt"

// Arguments that need not be given, with what stands for one that is not.

func textOr(arg value, name, otherwise string) (string, error) {
	if arg.absent() {
		return otherwise, nil
	}
	text, ok := arg.is.(string)
	if !ok {
		return "", fmt.Errorf("%s is to be a string, not %s", name, articled(arg))
	}
	return text, nil
}

func wholeOr(arg value, name string, otherwise int64) (int64, error) {
	if arg.absent() {
		return otherwise, nil
	}
	n, ok := arg.is.(int64)
	if !ok {
		return 0, fmt.Errorf("%s is to be a whole number, not %s", name, articled(arg))
	}
	return n, nil
}

func flagOr(arg value, name string, otherwise bool) (bool, error) {
	if arg.absent() {
		return otherwise, nil
	}
	is, ok := arg.is.(bool)
	if !ok {
		return false, fmt.Errorf("%s is to be true or false, not %s", name, articled(arg))
	}
	return is, nil
}

// input is the text that a filter works on: what is looked through, and paid
// for.
func (w *walker) input(v value) (string, error) {
	if k := kind(v); k == "list" || k == "dict" {
		return "", &missing{"a string is needed here, not " + articled(v), "make one of it with | join, or take a field"}
	}
	text, err := w.text(v)
	if err != nil {
		return "", err
	}
	return text, w.scan(len(text))
}

// numeric holds for what a filter of numbers works on.
func numeric(v value) error {
	if kind(v) != "number" {
		return &missing{"a number is needed here, not " + articled(v), "| int and | float make a number of a text"}
	}
	return nil
}
