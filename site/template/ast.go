package template

import "ddc/internal/diagnostic"

// place is a place in a template.
type place struct {
	unit              *unit
	line, col, length int
}

func (p place) errorf(message, hint string) *diagnostic.Problem {
	return &diagnostic.Problem{File: p.unit.file(), Line: p.line, Col: p.col, Length: p.length, Message: message, Hint: hint}
}

func (p place) note(message string) diagnostic.Note {
	return diagnostic.Note{File: p.unit.file(), Line: p.line, Col: p.col, Length: p.length, Message: message}
}

// expr is an expression. Its node says where it stands.
type expr interface{ at() node }

// node is what all expressions have. The height bounds how deep the evaluation
// of an expression recurses: a + b + c is as deep as it is long.
type node struct {
	place
	height int
}

func (n node) at() node { return n }

type (
	constant struct {
		node
		value value
	}
	variable struct {
		node
		name string
	}
	// fieldOf is of.name, and itemOf is of[index]. The tokens are those of the
	// value that it is taken from, for errors.
	fieldOf struct {
		node
		of     expr
		name   string
		tokens []token
	}
	itemOf struct {
		node
		of, index expr
		tokens    []token
	}
	listOf struct {
		node
		items []expr
	}
	dictOf struct {
		node
		keys, values []expr
	}
	not struct {
		node
		of expr
	}
	// logic is left and right, or left or right.
	logic struct {
		node
		left, right expr
		or          bool
	}
	choice struct {
		node
		then, condition, otherwise expr
	}
	operation struct {
		node
		apply       operator
		left, right expr
	}
	// filtered is of | filter(args). An argument that is not given is nil.
	filtered struct {
		node
		of     expr
		filter filter
		args   []expr
	}
	tested struct {
		node
		of      expr
		test    test
		args    []expr
		negated bool
	}
	functionCall struct {
		node
		name     string
		function function
		args     []expr
	}
	macroCall struct {
		node
		macro *macro
		args  []expr
	}
	superCall struct{ node }
	// captured is what statements print.
	captured struct {
		node
		body []stmt
	}
)

// stmt is a statement, or text between statements.
type stmt interface{ stands() place }

func (p place) stands() place { return p }

type (
	textStmt struct {
		place
		text string
	}
	outputStmt struct {
		place
		of expr
	}
	ifStmt struct {
		place
		branches  []*branch
		otherwise []stmt
	}
	branch struct {
		condition expr
		body      []stmt
	}
	forStmt struct {
		place
		names           []string
		list            expr
		tokens          []token // of the list, for errors
		body, otherwise []stmt
	}
	setStmt struct {
		place
		name   string
		to     expr
		global bool // outside of all loops
	}
	blockStmt struct {
		place
		name string
		body []stmt
	}
	includeStmt struct {
		place
		unit *unit
	}
	// jumpStmt is break or continue.
	jumpStmt struct {
		place
		flow flow
	}
)

// macro is one macro of a file.
type macro struct {
	unit *unit
	signature
	defaults []expr // by parameter; nil where there is none
	body     []stmt
}
